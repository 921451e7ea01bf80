"""Closed loop: a policy drives a world, and every episode ends in success or not.

The timing is that of the robot runtime (`sdk/src`), so that a success measured here means the same there.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .errors import OmpModelsError
from .pilots import Pilot, Timing
from .runner import Inputs
from .success_rate import wilson_interval
from .worlds.world import Observation, World


class ChunkSchedule:
    """Which action is executed in which step.

    Step k lasts from boundary k to boundary k + 1; its action is the joint position reached at its end. A chunk
    observed at boundary k proposes in row `action_start_index + j` the action of step k + j. While it is computed,
    the arm already moves, so the first `lead_steps` of these steps belong to the plan that is committed before:

        boundary           0     1     2  ..  8     9    10 ..
        observed           A                  B
        executed in step   home  A1    A2 ..  A8    B1    B2 ..     (lead_steps 1, n_action_steps 8; Aj: row j)
    """

    def __init__(self, timing: Timing, home: np.ndarray | None):
        """`home` [A] is executed before the first plan; of no use where `lead_steps` is 0."""
        self._timing = timing
        self._committed = [home] * timing.lead_steps

    def needs_chunk(self, step: int) -> bool:
        """Whether the observation at boundary `step` starts an inference."""
        return step % self._timing.n_action_steps == 0

    def commit(self, chunk: np.ndarray) -> None:
        """Appends the rows to execute of `chunk` [H, A], which was observed `lead_steps` before the plan's end."""
        first = self._timing.action_start_index + self._timing.lead_steps
        self._committed.extend(chunk[first : first + self._timing.n_action_steps])

    def action(self, step: int) -> np.ndarray:
        """The action of `step`, [A]."""
        return self._committed[step]


class ObservationHistory:
    """The last `n_obs_steps` observations, oldest first; the first one after a reset is repeated."""

    def __init__(self, n_obs_steps: int, first: Observation):
        self._steps = [first] * n_obs_steps

    def push(self, observation: Observation) -> None:
        """Adds the newest step and drops the oldest."""
        self._steps = [*self._steps[1:], observation]

    def stacked(self) -> Inputs:
        """Every key as [n_obs_steps, *shape]."""
        return {key: np.stack([step[key] for step in self._steps]) for key in self._steps[0]}


@dataclass(frozen=True)
class Episode:
    """How one episode went. Speeds are those of the executed actions, the largest of any element, from rest."""

    seed: int
    success: bool
    steps: int
    max_velocity: float
    """Action units per second, over one policy period; rad/s where actions are joint positions."""
    max_acceleration: float
    """Action units per second squared, between two successive policy periods."""

    def to_dict(self) -> dict[str, Any]:
        """The fields of the `episode` event."""
        return asdict(self)


def run_episode(world: World, pilot: Pilot, seed: int, on_step: Callable[[], None] = lambda: None) -> Episode:
    """Runs until success or the world's longest episode. Actions are clipped to the world's limits, nothing else.

    `on_step` is called at the start and after every step. Raises CONFIG_INVALID when policy and world do not fit.
    """
    timing = pilot.timing
    _require_fit(world, pilot)
    observation = _observed(world.reset(seed), pilot)
    pilot.begin(seed)
    history = ObservationHistory(timing.n_obs_steps, observation)
    schedule = ChunkSchedule(timing, world.home)
    path: list[np.ndarray] = []
    on_step()
    while not world.is_over():
        if schedule.needs_chunk(world.steps):
            schedule.commit(pilot.plan(history.stacked()))
        action = np.clip(schedule.action(world.steps), world.action_low, world.action_high)
        path.append(action)
        history.push(_observed(world.step(action), pilot))
        on_step()
    velocity = np.diff([path[0], path[0], *path], axis=0) / (timing.dt_ms / 1000)
    acceleration = np.diff(velocity, axis=0) / (timing.dt_ms / 1000)
    return Episode(
        seed,
        bool(world.is_success()),
        world.steps,
        float(np.abs(velocity).max()),
        float(np.abs(acceleration).max()),
    )


def run_episodes(world: World, pilot: Pilot, first_seed: int, count: int) -> Iterator[Episode]:
    """Episodes of ascending seeds, each as soon as it is over."""
    for seed in range(first_seed, first_seed + count):
        yield run_episode(world, pilot, seed)


def summarize(episodes: Iterable[Episode]) -> dict[str, Any]:
    """Successes with their trials and 95 % interval, and the extremes of the executed actions."""
    episodes = list(episodes)
    successes = sum(episode.success for episode in episodes)
    return {
        "episodes": len(episodes),
        "first_seed": episodes[0].seed,
        "successes": successes,
        "interval_95": [round(bound, 4) for bound in wilson_interval(successes, len(episodes))],
        "failed_seeds": [episode.seed for episode in episodes if not episode.success],
        "max_velocity": round(max(episode.max_velocity for episode in episodes), 3),
        "max_acceleration": round(max(episode.max_acceleration for episode in episodes), 2),
    }


def _observed(observation: Observation, pilot: Pilot) -> Observation:
    return {key: observation[key] for key in pilot.observation_keys}


def _require_fit(world: World, pilot: Pilot) -> None:
    timing = pilot.timing
    _require(len(world.action_low) == pilot.action_dim, "actions", pilot.action_dim, len(world.action_low))
    _require(abs(world.dt_ms - timing.dt_ms) < 0.5, "ms a step", timing.dt_ms, world.dt_ms)
    # Before the first chunk arrives the robot needs a command that keeps it still.
    _require(timing.lead_steps == 0 or world.home is not None, "lead_steps", timing.lead_steps, 0)


def _require(condition: bool, what: str, of_policy: float, of_world: float) -> None:
    if not condition:
        raise OmpModelsError("CONFIG_INVALID", f"the policy has {of_policy} {what}, this world {of_world}")
