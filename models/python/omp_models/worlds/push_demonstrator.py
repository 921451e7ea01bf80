"""Demonstrations of the push world's expert, with disturbances it has to correct.

The expert is asked in the state that the disturbances led to, and its clean answer is the label (DART): the data
covers the neighbourhood of the expert's path without a single wrong label.
"""

import math
from dataclasses import dataclass

import numpy as np

from omp_models.random_stream import RandomStream
from omp_models.worlds.push_expert import PushExpert
from omp_models.worlds.push_kinematics import ArmKinematics
from omp_models.worlds.push_world import PushWorld

ROWS_AFTER_FINISH = 8
"""The expert's rest above the placed puck, as long as one executed chunk."""


@dataclass(frozen=True)
class Disturbance:
    """How demonstrations are disturbed. Drawn from the episode's own seed, so a data set can be made again."""

    joint_noise: float = 0.012
    """Standard deviation in rad of what is added to the executed action; every second episode stays undisturbed."""
    correlation_ms: float = 250.0
    """Time in which that addition forgets itself: a slow push, not a tremble."""
    scattered_starts: float = 0.4
    """Share of episodes that start with the arm anywhere above or beside the puck instead of at home."""


class PushDemonstrator:
    """Disturbed episodes of the push world.

    Good is an episode that succeeds and whose actions keep every joint's velocity and acceleration limit: what a
    motor controller would refuse must not be taught.
    """

    def __init__(self, world: PushWorld, noise: Disturbance | None = None) -> None:
        self._world = world
        self._expert = PushExpert(world)
        self._noise = noise or Disturbance()
        self.dt_ms = world.dt_ms

    def demonstrate(self, seed: int) -> dict[str, np.ndarray] | None:
        """The rows of one episode, None when it failed or broke a limit."""
        world, expert, noise = self._world, self._expert, self._noise
        stream = RandomStream(seed ^ 0x5EED)
        observation = world.reset(seed)
        if stream.uniform(0, 1) < noise.scattered_starts:
            observation = world.place(_scattered_start(world, stream), world.object_xy, world.goal_xy)
        expert.reset()
        amplitude = noise.joint_noise * stream.uniform(0.5, 1.0) * (stream.next_uint32() % 2)
        keep = math.exp(-world.dt_ms / noise.correlation_ms)
        push = np.zeros(len(world.home))
        rows: dict[str, list[np.ndarray]] = {key: [] for key in (*observation, "action")}
        rest = 0
        while rest < ROWS_AFTER_FINISH and world.steps < world.max_steps:
            action = expert.action()
            for key, value in observation.items():
                rows[key].append(value)
            rows["action"].append(action.astype(np.float32))
            push = keep * push + amplitude * math.sqrt(1 - keep**2) * stream.normal(len(push))
            observation = world.step(action + push)
            rest = rest + 1 if expert.is_finished() else 0
        if rest < ROWS_AFTER_FINISH or not world.is_success() or not _keeps_limits(world, np.stack(rows["action"])):
            return None
        return {key: np.stack(values) for key, values in rows.items()}


def _keeps_limits(world: PushWorld, actions: np.ndarray) -> bool:
    """Whether the path through `actions` (N, 6) rad keeps the joints' velocity and acceleration limits."""
    dt = world.dt_ms / 1000
    velocity = np.diff(actions, axis=0) / dt
    acceleration = np.diff(velocity, axis=0) / dt
    joints = world.config["joints"]
    return bool(
        np.all(np.abs(velocity) <= [joint["max_velocity"] for joint in joints])
        and np.all(np.abs(acceleration) <= [joint["max_acceleration"] for joint in joints])
    )


def _scattered_start(world: PushWorld, stream: RandomStream) -> np.ndarray:
    """Joints (6,) rad with the tool somewhere over the work area, jaw anywhere between closed and open."""
    sampling = world.config["sampling"]
    tool = np.array(
        [
            stream.uniform(*sampling["object_x"]),
            stream.uniform(*sampling["object_y"]),
            stream.uniform(0.04, 0.065),
        ]
    )
    return ArmKinematics.of(world.model).inverse(tool, stream.uniform(0.0, 0.7))
