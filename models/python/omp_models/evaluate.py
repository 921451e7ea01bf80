"""Closed loop: a policy drives the push world, and every episode ends in success or not.

The timing is that of the robot runtime (`sdk/src`), so that a success measured here means the same there.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .config import PolicyConfig
from .errors import OmpModelsError
from .policy import load_policy
from .random_stream import RandomStream
from .runner import Inputs, OnnxRunner, Runner, TorchRunner
from .worlds.push_world import Observation, PushWorld

NOISE_SEED_MASK = 0x9E3779B9
"""The noise of an episode must not repeat the numbers that placed its objects."""

POLICY_FILES = {"torch": "checkpoint.safetensors", "fp32": "policy.fp32.onnx", "int8": "policy.int8.onnx"}
"""File of a bundle by what runs it."""


class ChunkSchedule:
    """Which action is executed in which step.

    Step k lasts from boundary k to boundary k + 1; its action is the joint position reached at its end. A chunk
    observed at boundary k proposes in row `action_start_index + j` the action of step k + j. While it is computed,
    the arm already moves, so the first `lead_steps` of these steps belong to the plan that is committed before:

        boundary           0     1     2  ..  8     9    10 ..
        observed           A                  B
        executed in step   home  A1    A2 ..  A8    B1    B2 ..     (lead_steps 1, n_action_steps 8; Aj: row j)
    """

    def __init__(self, config: PolicyConfig, home: np.ndarray):
        self._config = config
        self._committed = [home] * config.lead_steps

    def needs_chunk(self, step: int) -> bool:
        """Whether the observation at boundary `step` starts an inference."""
        return step % self._config.n_action_steps == 0

    def commit(self, chunk: np.ndarray) -> None:
        """Appends the rows to execute of `chunk` [H, A], which was observed `lead_steps` before the plan's end."""
        first = self._config.action_start_index + self._config.lead_steps
        self._committed.extend(chunk[first : first + self._config.n_action_steps])

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
        """Every key as [1, n_obs_steps, D]."""
        return {key: np.stack([step[key] for step in self._steps])[None] for key in self._steps[0]}


@dataclass(frozen=True)
class Episode:
    """How one episode went. Speeds are those of the executed path, the largest of any joint."""

    seed: int
    success: bool
    steps: int
    distance_m: float
    """Object to goal at the end."""
    max_velocity: float
    """rad/s, over one policy period."""
    max_acceleration: float
    """rad/s², between two successive policy periods."""

    def to_dict(self) -> dict[str, Any]:
        """The fields of the `episode` event."""
        return asdict(self)


def run_episode(world: PushWorld, runner: Runner, config: PolicyConfig, seed: int) -> Episode:
    """Runs until success or the world's longest episode. Positions are clipped to the joint limits, nothing else."""
    joints = world.config["joints"]
    low = np.array([joint["min_position"] for joint in joints])
    high = np.array([joint["max_position"] for joint in joints])
    stream = RandomStream(seed ^ NOISE_SEED_MASK)
    observation = world.reset(seed)
    history = ObservationHistory(config.n_obs_steps, observation)
    schedule = ChunkSchedule(config, world.home)
    path = [world.home, world.home]
    while not world.is_over():
        if schedule.needs_chunk(world.steps):
            noise = stream.normal(config.horizon * config.action_dim).reshape(1, config.horizon, config.action_dim)
            schedule.commit(runner.infer({**history.stacked(), "noise": noise})[0])
        action = np.clip(schedule.action(world.steps), low, high)
        path.append(action)
        history.push(world.step(action))
    velocity = np.diff(path, axis=0) / (config.dt_ms / 1000)
    acceleration = np.diff(velocity, axis=0) / (config.dt_ms / 1000)
    return Episode(
        seed,
        world.is_success(),
        world.steps,
        world.distance_to_goal(),
        float(np.abs(velocity).max()),
        float(np.abs(acceleration).max()),
    )


def run_episodes(runner: Runner, config: PolicyConfig, first_seed: int, count: int) -> Iterator[Episode]:
    """Episodes of ascending seeds, each as soon as it is over."""
    world = PushWorld()
    for seed in range(first_seed, first_seed + count):
        yield run_episode(world, runner, config, seed)


def summarize(episodes: Iterable[Episode]) -> dict[str, Any]:
    """Successes with their trials and the extremes of the executed paths."""
    episodes = list(episodes)
    return {
        "episodes": len(episodes),
        "first_seed": episodes[0].seed,
        "successes": sum(episode.success for episode in episodes),
        "failed_seeds": [episode.seed for episode in episodes if not episode.success],
        "max_velocity": round(max(episode.max_velocity for episode in episodes), 3),
        "max_acceleration": round(max(episode.max_acceleration for episode in episodes), 2),
    }


def open_runner(bundle: Path, policy: str) -> tuple[Runner, PolicyConfig]:
    """What runs `policy` (torch, fp32 or int8) of a bundle. Raises BUNDLE_INVALID when its file is missing."""
    reference = load_policy(_existing(bundle / POLICY_FILES["torch"]))
    if policy == "torch":
        return TorchRunner(reference), reference.config
    return OnnxRunner(_existing(bundle / POLICY_FILES[policy])), reference.config


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise OmpModelsError("BUNDLE_INVALID", f"{path} does not exist; `python -m omp_models export` writes a bundle")
    return path
