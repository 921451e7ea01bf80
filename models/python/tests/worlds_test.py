"""The push world, its expert and the collector."""

from pathlib import Path

import mujoco
import numpy as np
import pytest

from omp_models.config import PolicyConfig
from omp_models.dataset import load_demonstrations
from omp_models.errors import OmpModelsError
from omp_models.worlds.collect import FIRST_TRAINING_SEED, collect_demonstrations, write_demonstrations
from omp_models.worlds.push_demonstrator import Disturbance, PushDemonstrator
from omp_models.worlds.push_expert import PushExpert
from omp_models.worlds.push_kinematics import ArmKinematics
from omp_models.worlds.push_world import PushWorld

DISTURBED_SEED = FIRST_TRAINING_SEED + 11
"""The first seed whose disturbed episode, started at home, is kept."""

BREAKING_SEED = FIRST_TRAINING_SEED + 4
"""The first seed whose disturbance makes the expert ask for too much."""


@pytest.fixture(scope="module")
def world() -> PushWorld:
    """One world, reset by every test that uses it."""
    return PushWorld()


def test_a_seed_fixes_the_start_whatever_went_before(world: PushWorld) -> None:
    start = PushWorld().reset(5)
    world.reset(4)
    for _ in range(10):
        world.step(world.home + 0.2)
    again = world.reset(5)
    for key, value in start.items():
        np.testing.assert_array_equal(again[key], value)
    assert (world.steps, world.is_success()) == (0, False)
    np.testing.assert_array_equal(world.data.qvel, 0)
    other = world.reset(6)
    assert not np.array_equal(other["observation.environment_state"], start["observation.environment_state"])


def test_starts_lie_in_the_work_area_and_apart(world: PushWorld) -> None:
    sampling = world.config["sampling"]
    for seed in range(50):
        world.reset(seed)
        for name, xy in (("object", world.object_xy), ("goal", world.goal_xy)):
            for axis, value in zip("xy", xy, strict=True):
                low, high = sampling[f"{name}_{axis}"]
                assert low <= value <= high
        assert world.distance_to_goal() >= sampling["min_separation"]


def test_success_needs_the_whole_dwell(world: PushWorld) -> None:
    ticks = world.config["success"]["dwell_ms"]
    goal = np.array([0.2, 0.05])
    radius = np.array([world.config["success"]["radius"], 0])
    world.place(world.home, goal + 0.9 * radius, goal)
    for _ in range(ticks - 1):
        world.tick(world.home)
    assert not world.is_success()
    world.tick(world.home)
    assert world.is_success()
    assert world.is_over()
    world.place(world.home, goal + 1.1 * radius, goal)
    for _ in range(ticks + 10):
        world.tick(world.home)
    assert not world.is_success()


def test_a_step_ramps_the_command(world: PushWorld) -> None:
    world.reset(0)
    target = world.home + 0.1
    commands: list[np.ndarray] = []
    tick = world.tick

    def recorded(command: np.ndarray) -> None:
        commands.append(command)
        tick(command)

    world.tick = recorded  # type: ignore[method-assign]
    try:
        world.step(target)
    finally:
        del world.tick
    expected = world.home + 0.1 * (np.arange(1, 51) / 50)[:, None]
    np.testing.assert_allclose(commands, expected, atol=1e-12)


@pytest.mark.parametrize("seed", range(FIRST_TRAINING_SEED, FIRST_TRAINING_SEED + 5))
def test_the_expert_succeeds(world: PushWorld, seed: int) -> None:
    world.reset(seed)
    expert = PushExpert(world)
    before = world.distance_to_goal()
    while not world.is_over():
        world.step(expert.action())
    assert before >= world.config["sampling"]["min_separation"]
    assert world.is_success(), f"{world.distance_to_goal()} m from the goal"


def test_the_kinematics_are_those_of_the_scene(world: PushWorld) -> None:
    arm = ArmKinematics.of(world.model)
    random = np.random.default_rng(0)
    for _ in range(50):
        joints = random.uniform(-1, 1, 6)
        world.place(joints, np.array([0.2, 0.0]), np.array([0.2, 0.1]))
        mujoco.mj_forward(world.model, world.data)
        np.testing.assert_allclose(arm.forward(joints), world.data.site("tool").xpos, atol=1e-9)


def test_the_tool_goes_where_it_is_sent_with_the_hand_down(world: PushWorld) -> None:
    arm = ArmKinematics.of(world.model)
    random = np.random.default_rng(1)
    for tool in random.uniform([0.14, -0.1, 0.008], [0.21, 0.1, 0.065], (200, 3)):
        joints = arm.inverse(tool, 0.3)
        np.testing.assert_allclose(arm.forward(joints), tool, atol=1e-12)
        assert joints[1] + joints[2] + joints[3] == pytest.approx(np.pi / 2)
        assert joints[5] == 0.3
        for joint, position in zip(world.config["joints"], joints, strict=True):
            assert joint["min_position"] < position < joint["max_position"]


def test_a_point_out_of_reach_is_answered_with_finite_joints(world: PushWorld) -> None:
    arm = ArmKinematics.of(world.model)
    joints = arm.inverse(np.array([0.6, 0.6, 0.0]), 0.0)
    assert np.isfinite(joints).all()
    tool = arm.forward(joints)
    assert np.arctan2(tool[1], tool[0]) == pytest.approx(np.pi / 4)
    assert joints[2] == pytest.approx(-np.pi / 2), "upper arm and forearm lie in one line"


def test_evaluation_seeds_are_refused() -> None:
    for seed in (0, FIRST_TRAINING_SEED - 1):
        with pytest.raises(OmpModelsError, match=f"first_seed is {seed}; .* for evaluation") as raised:
            collect_demonstrations(PushDemonstrator(PushWorld()), 1, seed)
        assert raised.value.code == "CONFIG_INVALID"


def test_equal_seeds_collect_equal_bytes_which_load(tmp_path: Path) -> None:
    path = tmp_path / "demonstrations.npz"
    arrays, discarded = collect_demonstrations(PushDemonstrator(PushWorld()), 3, FIRST_TRAINING_SEED)
    again, discarded_again = collect_demonstrations(PushDemonstrator(PushWorld()), 3, FIRST_TRAINING_SEED)
    assert discarded == discarded_again
    assert arrays.keys() == again.keys()
    for key, value in arrays.items():
        assert (value.dtype, value.tobytes()) == (again[key].dtype, again[key].tobytes()), key
    assert arrays["seeds"].min() >= FIRST_TRAINING_SEED
    assert arrays["seeds"].max() < FIRST_TRAINING_SEED + 3 + discarded
    write_demonstrations(path, arrays)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    assert load_demonstrations(path, PolicyConfig()).episodes == 3


def test_labels_replay_to_the_recorded_rows_only_where_nothing_disturbed_them() -> None:
    def largest_deviation(noise: Disturbance) -> float:
        """Joints, rad, between a replay of the labels and the recorded rows."""
        arrays, discarded = collect_demonstrations(PushDemonstrator(PushWorld(), noise), 1, DISTURBED_SEED)
        assert discarded == 0
        world = PushWorld()
        observation = world.reset(DISTURBED_SEED)
        deviation = 0.0
        for state, action in zip(arrays["observation.state"], arrays["action"], strict=True):
            deviation = max(deviation, float(np.abs(observation["observation.state"] - state).max()))
            observation = world.step(action)
        return deviation

    assert largest_deviation(Disturbance(joint_noise=0, scattered_starts=0)) < 1e-5
    assert largest_deviation(Disturbance(scattered_starts=0)) > 5e-3


def test_an_episode_whose_labels_break_a_limit_of_a_joint_is_left_out() -> None:
    arrays, discarded = collect_demonstrations(PushDemonstrator(PushWorld()), 2, BREAKING_SEED)
    assert discarded >= 1
    assert BREAKING_SEED not in arrays["seeds"]
    for actions in np.split(arrays["action"].astype(np.float64), arrays["episode_ends"][:-1]):
        velocity = np.diff(actions, axis=0) / 0.05
        assert 0.1 < np.abs(velocity).max() <= 3
        assert np.abs(np.diff(velocity, axis=0) / 0.05).max() <= 20
