"""Closed loop: which row of which chunk moves the arm, and what is measured."""

import numpy as np
import pytest

from omp_models.config import PolicyConfig
from omp_models.evaluate import ChunkSchedule, Episode, ObservationHistory, run_episode, summarize
from omp_models.pilots import LocalPilot
from omp_models.random_stream import RandomStream
from omp_models.runner import Inputs
from omp_models.worlds.push_world import PushWorld


def chunk(name: str, horizon: int, action_start_index: int) -> np.ndarray:
    """Rows that say what they are: `A0` is the action for the step at whose start the chunk was observed."""
    return np.array([[f"{name}{row - action_start_index}"] for row in range(horizon)])


def executed(config: PolicyConfig, steps: int) -> list[str]:
    """What moves the arm in every step, when the chunk of each boundary that wants one is named A, B, C ..."""
    schedule = ChunkSchedule(config, np.array(["home"]))
    names = iter("ABCDEFGH")
    actions = []
    for step in range(steps):
        if schedule.needs_chunk(step):
            schedule.commit(chunk(next(names), config.horizon, config.action_start_index))
        actions.append(str(schedule.action(step)[0]))
    return actions


def test_the_schedule_is_the_documented_one() -> None:
    assert executed(PolicyConfig(), 18) == [
        "home",
        *(f"A{row}" for row in range(1, 9)),
        *(f"B{row}" for row in range(1, 9)),
        "C1",
    ]


def test_the_schedule_follows_the_lead() -> None:
    instant = PolicyConfig(lead_steps=0, n_action_steps=4, n_obs_steps=1)
    assert executed(instant, 6) == ["A0", "A1", "A2", "A3", "B0", "B1"]
    slow = PolicyConfig(lead_steps=2, n_action_steps=4, n_obs_steps=3)
    assert executed(slow, 8) == ["home", "home", "A2", "A3", "A4", "A5", "B2", "B3"]


def test_the_history_begins_with_the_first_observation_repeated() -> None:
    history = ObservationHistory(3, {"x": np.array([0.0])})
    history.push({"x": np.array([1.0])})
    assert history.stacked()["x"].tolist() == [[0.0], [0.0], [1.0]]
    for value in (2.0, 3.0):
        history.push({"x": np.array([value])})
    assert history.stacked()["x"].tolist() == [[1.0], [2.0], [3.0]]


class ConstantPolicy:
    """Answers every observation with the same joints; remembers what it was asked."""

    def __init__(self, joints: np.ndarray, horizon: int):
        self._chunk = np.broadcast_to(joints.astype(np.float32), (1, horizon, len(joints)))
        self.inputs: list[Inputs] = []

    def infer(self, inputs: Inputs) -> np.ndarray:
        """See `Runner`."""
        self.inputs.append(inputs)
        return self._chunk


def test_an_episode_asks_every_eighth_step_and_clips_to_the_joint_limits() -> None:
    config, world = PolicyConfig(), PushWorld()
    beyond = world.home + np.array([0, 0, 0, 0, 0, 9.0])
    policy = ConstantPolicy(beyond, config.horizon)
    episode = run_episode(world, LocalPilot(policy, config, list(config.observation_shapes), 6), seed=3)
    assert (episode.seed, episode.success, episode.steps) == (3, False, world.config["max_episode_steps"])
    assert len(policy.inputs) == 25
    np.testing.assert_allclose(world.command, [*world.home[:5], 1.745], atol=1e-6)
    assert episode.max_velocity == pytest.approx(1.745 / 0.05, rel=1e-5)
    assert episode.max_acceleration == pytest.approx(1.745 / 0.05**2, rel=1e-5)

    shapes = {key: value.shape for key, value in policy.inputs[0].items()}
    assert shapes == {
        "observation.state": (1, 2, 6),
        "observation.environment_state": (1, 2, 4),
        "noise": (1, 16, 6),
    }
    stream = RandomStream(3 ^ 0x9E3779B9)
    for inputs in policy.inputs[:2]:
        np.testing.assert_array_equal(inputs["noise"].ravel(), stream.normal(96))
    first, second = (inputs["observation.state"][0] for inputs in policy.inputs[:2])
    np.testing.assert_array_equal(first[0], first[1])
    assert not np.array_equal(second[0], second[1])


def test_a_summary_counts_and_names_failures() -> None:
    episodes = [
        Episode(seed=7, success=True, steps=50, max_velocity=1.5, max_acceleration=9.0),
        Episode(seed=8, success=False, steps=200, max_velocity=1.25, max_acceleration=12.5),
    ]
    assert summarize(episodes) == {
        "episodes": 2,
        "first_seed": 7,
        "successes": 1,
        "interval_95": [0.0945, 0.9055],
        "failed_seeds": [8],
        "max_velocity": 1.5,
        "max_acceleration": 12.5,
    }
