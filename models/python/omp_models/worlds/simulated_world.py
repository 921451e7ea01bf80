"""What worlds of installed simulators share: episode length, success, and only the observations that are asked for."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.worlds.world import Observation


class SimulatedWorld(ABC):
    """A `World` over somebody else's simulator, actions in [-1, 1].

    Success is the official one of the benchmarks: the goal state in any step. `successful_steps` counts them.
    """

    def __init__(
        self,
        readers: dict[str, Callable[[], np.ndarray]],
        keys: Iterable[str],
        action_dim: int,
        dt_ms: float,
        max_steps: int,
    ) -> None:
        """Offers the `keys` of `readers`. Raises CONFIG_INVALID for a key that the world has not."""
        keys = list(keys)
        unknown = [key for key in keys if key not in readers]
        if unknown:
            raise OmpModelsError("CONFIG_INVALID", f"no observation {unknown[0]}; the world has {', '.join(readers)}")
        self._readers = {key: readers[key] for key in keys}
        self.action_low = np.full(action_dim, -1.0)
        self.action_high = np.full(action_dim, 1.0)
        self.home = None
        self.dt_ms = dt_ms
        self.max_steps = max_steps
        self.steps = 0
        self.successful_steps = 0

    _env: Any
    """The simulator, a Gymnasium environment over MuJoCo."""

    @abstractmethod
    def _start(self, seed: int) -> None:
        """Puts the simulator into the first state of the episode of `seed`."""

    @abstractmethod
    def _advance(self, action: np.ndarray) -> bool:
        """Simulates one period; returns whether the goal state is reached now."""

    @property
    def model(self) -> Any:
        """MuJoCo's model, to be rendered."""
        return self._env.unwrapped.model

    @property
    def data(self) -> Any:
        """MuJoCo's state, to be rendered."""
        return self._env.unwrapped.data

    def reset(self, seed: int) -> Observation:
        """Starts the episode of `seed`."""
        self._start(seed)
        self.steps = 0
        self.successful_steps = 0
        return self.observation()

    def step(self, action: np.ndarray) -> Observation:
        """Acts for one period and observes; `action` (A,) is clipped to the limits."""
        self.successful_steps += self._advance(np.clip(action, self.action_low, self.action_high))
        self.steps += 1
        return self.observation()

    def observation(self) -> Observation:
        """The present state, by key."""
        return {key: read().astype(np.float32) for key, read in self._readers.items()}

    def is_success(self) -> bool:
        """Whether any step so far reached the goal state."""
        return self.successful_steps > 0

    def is_over(self) -> bool:
        """Whether the task is done or the longest episode has passed."""
        return self.is_success() or self.steps >= self.max_steps


def missing_package(name: str, task: str, error: ImportError) -> OmpModelsError:
    """The error of a task whose simulator is not installed."""
    return OmpModelsError("PACKAGE_MISSING", f"{task} needs {name}: {error}. {SIM_INSTALL}")


# Meta-World pins an older MuJoCo, which an extra cannot override.
SIM_INSTALL = "Install the simulators: pip install -e 'models/python[sim]' && pip install --no-deps metaworld==3.1.1"
