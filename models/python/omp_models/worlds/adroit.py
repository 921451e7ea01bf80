"""Adroit's four tasks of a 24-joint hand (gymnasium-robotics, MIT): door, hammer, pen, relocate."""

import contextlib
import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.worlds.simulated_world import SimulatedWorld, missing_package

MAX_STEPS = {"door": 200, "hammer": 200, "pen": 100, "relocate": 200}
HAND_JOINTS = 24
DEFAULT_KEYS = ("observation.state", "observation.environment_state")


class AdroitWorld(SimulatedWorld):
    """One Adroit task.

    Observation keys: `observation.state` (24,) rad, the hand's joints from WRJ1 to THJ0, the agent position of DP3,
    which leaves the arm out; `observation.environment_state`, Adroit's own observation, which knows the object
    (privileged): door (39,), hammer (46,), pen (45,), relocate (39,).
    Action: the targets of arm and hand actuators, each scaled to [-1, 1]: door 28, hammer 26, pen 24, relocate 30.

    Args:
        name: `door`, `hammer`, `pen` or `relocate`.
        keys: the observations to make.
    """

    def __init__(self, name: str, keys: Iterable[str] = DEFAULT_KEYS) -> None:
        if name not in MAX_STEPS:
            raise OmpModelsError("CONFIG_INVALID", f"Adroit has no task {name!r}; it has {', '.join(MAX_STEPS)}")
        self._env = _make(name)
        self.name = name
        self.privileged = np.zeros(self._env.observation_space.shape)
        """The simulator's own observation, float64."""
        action_dim = self._env.action_space.shape[0]
        # The hand's joints follow those of the arm; the object's come last.
        hand = slice(action_dim - HAND_JOINTS, action_dim)
        readers: dict[str, Callable[[], np.ndarray]] = {
            "observation.state": lambda: self._env.data.qpos[hand],
            "observation.environment_state": lambda: self.privileged,
        }
        super().__init__(readers, keys, action_dim, dt_ms=self._env.dt * 1000, max_steps=MAX_STEPS[name])

    def _start(self, seed: int) -> None:
        self.privileged, _ = self._env.reset(seed=seed)

    def _advance(self, action: np.ndarray) -> bool:
        self.privileged, _, _, _, info = self._env.step(action)
        return bool(info["success"])


class AdroitExpert:
    """The DAPG policy of the task (Rajeswaran et al. 2018): a tanh network on the privileged observation.

    Args:
        world: what it acts in.
        folder: holds `<task>.npz` with the arrays `w0 b0 w1 b1 …`, `in_shift`, `in_scale`, `out_shift`, `out_scale`.
    """

    def __init__(self, world: AdroitWorld, folder: Path) -> None:
        self._world = world
        path = folder / f"{world.name}.npz"
        if not path.is_file():
            raise OmpModelsError(
                "CONFIG_INVALID",
                f"{path} does not exist; --experts names a folder with the converted policies of "
                "github.com/aravindr93/hand_dapg (dapg/policies)",
            )
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key].astype(np.float64) for key in file.files}
        layers = sum(re.fullmatch(r"w\d+", key) is not None for key in arrays)
        expected = [f"{kind}{layer}" for layer in range(layers) for kind in "wb"]
        missing = [key for key in (*expected, "in_shift", "in_scale", "out_shift", "out_scale") if key not in arrays]
        if missing or not layers:
            raise OmpModelsError("CONFIG_INVALID", f"{path}: array {(missing or ['w0'])[0]} is missing")
        shape = (len(world.action_low), len(world.privileged))
        found = (len(arrays[f"w{layers - 1}"]), arrays["w0"].shape[1])
        if found != shape:
            raise OmpModelsError(
                "CONFIG_INVALID", f"{path}: maps {found[1]} to {found[0]} values, {shape[1]} to {shape[0]} expected"
            )
        self._layers = [(arrays[f"w{layer}"], arrays[f"b{layer}"]) for layer in range(layers)]
        self._arrays = arrays

    def reset(self) -> None:
        """Nothing to forget: the expert sees the whole state."""

    def action(self) -> np.ndarray:
        """(A,), the policy's mean."""
        arrays = self._arrays
        hidden = (self._world.privileged - arrays["in_shift"]) / (arrays["in_scale"] + 1e-8)
        *inner, (weight, bias) = self._layers
        for inner_weight, inner_bias in inner:
            hidden = np.tanh(inner_weight @ hidden + inner_bias)
        return (weight @ hidden + bias) * arrays["out_scale"] + arrays["out_shift"]


def _make(name: str) -> Any:
    """The environment in the newest version that the installed package registers."""
    try:
        import gymnasium

        # It prints deprecations of versions that are not used here.
        with contextlib.redirect_stderr(io.StringIO()):
            import gymnasium_robotics
    except ImportError as error:
        raise missing_package("gymnasium-robotics", f"adroit/{name}", error) from error
    gymnasium.register_envs(gymnasium_robotics)
    pattern = re.compile(rf"AdroitHand{name.capitalize()}-v(\d+)")
    versions = [int(match[1]) for match in map(pattern.fullmatch, gymnasium.registry) if match]
    if not versions:
        raise OmpModelsError("PACKAGE_MISSING", f"gymnasium-robotics registers no AdroitHand{name.capitalize()}")
    env_id = f"AdroitHand{name.capitalize()}-v{max(versions)}"
    return gymnasium.make(env_id, disable_env_checker=True).unwrapped
