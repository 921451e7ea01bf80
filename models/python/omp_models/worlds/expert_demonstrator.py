"""Demonstrations by an expert that is left to act undisturbed."""

import numpy as np

from omp_models.dataset import ACTION_KEY
from omp_models.worlds.simulated_world import SimulatedWorld
from omp_models.worlds.world import Expert


class ExpertDemonstrator:
    """Every episode has the world's full length, as in DP3: the policy shall learn to stay at the goal, too.

    Args:
        world: what is demonstrated in.
        expert: of that world.
        min_successful_steps: episodes with fewer steps in the goal state are left out.
    """

    def __init__(self, world: SimulatedWorld, expert: Expert, min_successful_steps: int = 5) -> None:
        self._world = world
        self._expert = expert
        self._min_successful_steps = min_successful_steps
        self.dt_ms = world.dt_ms

    def demonstrate(self, seed: int) -> dict[str, np.ndarray] | None:
        """The rows of one episode, `action` already clipped to the limits; None when it did not succeed."""
        world = self._world
        observation = world.reset(seed)
        self._expert.reset()
        rows: dict[str, list[np.ndarray]] = {key: [] for key in (*observation, ACTION_KEY)}
        while world.steps < world.max_steps:
            action = np.clip(self._expert.action(), world.action_low, world.action_high).astype(np.float32)
            for key, value in {**observation, ACTION_KEY: action}.items():
                rows[key].append(value)
            observation = world.step(action)
        if world.successful_steps < self._min_successful_steps:
            return None
        return {key: np.stack(values) for key, values in rows.items()}
