"""What every simulated task offers to whoever trains, judges or demonstrates a policy."""

from typing import Protocol

import numpy as np

Observation = dict[str, np.ndarray]
"""One step of every observation key, float32, physical units."""


class World(Protocol):
    """A robot with one task. An episode is `reset`, then `step` until `is_over`.

    Equal seeds start equal episodes, whatever happened before, so an episode is known by its seed and its actions.
    """

    action_low: np.ndarray
    """Smallest action (A,); `step` takes no smaller one."""
    action_high: np.ndarray
    """Largest action (A,)."""
    home: np.ndarray | None
    """The action (A,) that keeps the robot at rest where an episode starts; None where there is no such action."""
    dt_ms: float
    """Period of one step."""
    max_steps: int
    """Longest episode."""
    steps: int
    """Steps since the last reset."""

    def reset(self, seed: int) -> Observation:
        """Starts the episode of `seed`."""

    def step(self, action: np.ndarray) -> Observation:
        """Acts for one period and observes. `action` is (A,), within the limits."""

    def is_success(self) -> bool:
        """Whether the task has been done. Once true, true until the next reset."""

    def is_over(self) -> bool:
        """Whether the episode has ended, by success or by its longest length."""


class Expert(Protocol):
    """Knows how to do the task of the world it was made for."""

    def reset(self) -> None:
        """Call after every reset of the world."""

    def action(self) -> np.ndarray:
        """The action for the world's present state, (A,). It may lie outside the limits."""


class Demonstrator(Protocol):
    """Lets an expert do the task and writes down what it saw and did."""

    dt_ms: float

    def demonstrate(self, seed: int) -> dict[str, np.ndarray] | None:
        """The rows of the episode of `seed`, None where it is not good enough to be learned from.

        Every key is float32 [T, *shape]: row t of an observation key was seen before step t, `action` row t is what
        the expert wanted for it.
        """
