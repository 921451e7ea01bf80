"""Meta-World and Adroit as worlds, and their experts; each test is skipped where its simulator is not installed."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from point_cloud_test import needs_gl

from omp_models.__main__ import main
from omp_models.errors import OmpModelsError
from omp_models.worlds.collect import FIRST_TRAINING_SEED, collect_demonstrations
from omp_models.worlds.simulated_world import SIM_INSTALL
from omp_models.worlds.tasks import open_demonstrator, open_world
from omp_models.worlds.world import World

CONFIGS = Path(__file__).parents[1] / "configs"
DAPG_SHAPES = {"door": (39, 28), "hammer": (46, 26), "pen": (45, 24), "relocate": (39, 30)}


def needs(package: str) -> pytest.MarkDecorator:
    """Skips where `package` is not installed, saying how to get it."""
    missing = importlib.util.find_spec(package) is None
    return pytest.mark.skipif(missing, reason=f"{package} is not installed. {SIM_INSTALL}")


def drive(world: World, seed: int, steps: int = 12) -> dict[str, np.ndarray]:
    """What the world shows while random actions, drawn from `seed`, act on it."""
    random = np.random.default_rng(seed)
    seen = [world.reset(seed)]
    for _ in range(steps):
        seen.append(world.step(random.uniform(world.action_low, world.action_high)))
    return {key: np.stack([step[key] for step in seen]) for key in seen[0]}


TASKS = [
    pytest.param("push", {"observation.state": (6,), "observation.environment_state": (4,)}, 50.0),
    pytest.param(
        "metaworld/button-press",
        {"observation.state": (9,), "observation.environment_state": (39,)},
        12.5,
        marks=needs("metaworld"),
    ),
    *(
        pytest.param(
            f"adroit/{name}",
            {"observation.state": (24,), "observation.environment_state": (observed,)},
            10.0,
            marks=needs("gymnasium_robotics"),
        )
        for name, (observed, _) in DAPG_SHAPES.items()
    ),
]


@pytest.mark.parametrize(("task", "shapes", "dt_ms"), TASKS)
def test_a_seed_is_an_episode_whatever_went_before(task: str, shapes: dict[str, tuple[int]], dt_ms: float) -> None:
    world = open_world(task)
    first, other, again = (drive(world, seed) for seed in (5, 6, 5))
    fresh = drive(open_world(task), 5)
    assert world.dt_ms == pytest.approx(dt_ms)
    assert world.steps == 12
    assert {key: rows.shape[1:] for key, rows in first.items()} == shapes
    for key, rows in first.items():
        assert rows.dtype == np.float32
        np.testing.assert_array_equal(again[key], rows)
        np.testing.assert_array_equal(fresh[key], rows)
    key = "observation.environment_state"
    assert not np.array_equal(other[key][0], first[key][0])


@needs("metaworld")
def test_the_episode_ends_with_success_or_after_200_steps() -> None:
    world = open_world("metaworld/button-press")
    world.reset(0)
    for _ in range(world.max_steps):
        assert not world.is_over()
        world.step(np.zeros(4))
    assert world.steps == world.max_steps == 200
    assert world.is_over() and not world.is_success()


@needs("metaworld")
def test_an_action_outside_the_limits_is_clipped() -> None:
    world = open_world("metaworld/reach")
    world.reset(0)
    clipped = world.step(np.array([9.0, -9, 9, -9]))["observation.state"]
    world.reset(0)
    np.testing.assert_array_equal(world.step(np.array([1.0, -1, 1, -1]))["observation.state"], clipped)


@needs("metaworld")
def test_the_scripted_expert_demonstrates_whole_episodes_again_and_again() -> None:
    def collect() -> tuple[dict[str, np.ndarray], int]:
        return collect_demonstrations(open_demonstrator("metaworld/button-press"), 2, FIRST_TRAINING_SEED)

    (arrays, discarded), (again, _) = collect(), collect()
    assert discarded == 0
    assert arrays["episode_ends"].tolist() == [200, 400]
    assert arrays["action"].shape == (400, 4) and arrays["action"].dtype == np.float32
    assert np.abs(arrays["action"]).max() == 1
    assert float(arrays["dt_ms"]) == 12.5
    for key, rows in arrays.items():
        np.testing.assert_array_equal(again[key], rows)
    world = open_world("metaworld/button-press")
    world.reset(int(arrays["seeds"][1]))
    for action in arrays["action"][200:]:
        world.step(action)
    assert world.is_success()


@needs("metaworld")
def test_the_demonstrations_of_a_recipe_hold_what_its_policy_sees(tmp_path: Path) -> None:
    recipe = yaml.safe_load((CONFIGS / "metaworld-button-press.yaml").read_text())
    recipe["observations"] = recipe["observations"][1:]
    recipe["train"]["policy"]["observation_shapes"] = {"observation.environment_state": [39]}
    recipe["demonstrations"]["episodes"] = 1
    config, data = tmp_path / "recipe.yaml", tmp_path / "demonstrations.npz"
    config.write_text(yaml.safe_dump(recipe))
    assert main(["collect", "--config", str(config), "--out", str(data)]) == 0
    with np.load(data, allow_pickle=False) as file:
        assert [key for key in file.files if key.startswith("observation.")] == ["observation.environment_state"]


@needs("metaworld")
@needs_gl
def test_a_cloud_of_the_table_moves_with_the_hand() -> None:
    world = open_world("metaworld/button-press", ["observation.point_cloud", "observation.state"])
    seen = [world.reset(1), *(world.step(np.array([0.0, 1, 0, 0])) for _ in range(20))]
    cloud, moved = seen[0]["observation.point_cloud"], seen[-1]["observation.point_cloud"]
    assert cloud.shape == (512, 3)
    tips = seen[0]["observation.state"][3:].reshape(2, 3)
    for tip in tips:
        assert np.linalg.norm(cloud - tip, axis=1).min() < 0.03
    assert np.linalg.norm(moved - tips[0], axis=1).min() > 0.05
    np.testing.assert_array_equal(world.reset(1)["observation.point_cloud"], cloud)


@needs("gymnasium_robotics")
@needs_gl
@pytest.mark.parametrize("name", DAPG_SHAPES)
def test_a_cloud_of_the_hand_is_spread_over_it(name: str) -> None:
    world = open_world(f"adroit/{name}", ["observation.point_cloud"])
    cloud = world.reset(1)["observation.point_cloud"]
    assert cloud.shape == (512, 3)
    assert len(np.unique(cloud, axis=0)) == 512
    palm = world._env.data.body("palm").xpos
    assert np.linalg.norm(cloud - palm, axis=1).min() < 0.06


def zero_expert(folder: Path, task: str, **changes: np.ndarray) -> Path:
    """A DAPG file whose policy always answers 0.25."""
    observed, action_dim = DAPG_SHAPES[task]
    arrays = {
        "w0": np.zeros((4, observed)),
        "b0": np.ones(4),
        "w1": np.zeros((action_dim, 4)),
        "b1": np.full(action_dim, 0.125),
        "in_shift": np.zeros(observed),
        "in_scale": np.ones(observed),
        "out_shift": np.zeros(action_dim),
        "out_scale": np.full(action_dim, 2.0),
        **changes,
    }
    np.savez(folder / f"{task}.npz", **{key: value.astype(np.float32) for key, value in arrays.items()})
    return folder


@needs("gymnasium_robotics")
def test_the_dapg_network_is_evaluated_and_an_expert_that_always_fails_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from omp_models.worlds import collect
    from omp_models.worlds.adroit import AdroitExpert, AdroitWorld

    zero_expert(tmp_path, "pen")
    world = AdroitWorld("pen")
    world.reset(0)
    np.testing.assert_allclose(AdroitExpert(world, tmp_path).action(), 0.25)

    zero_expert(tmp_path, "door")
    monkeypatch.setattr(collect, "MAX_FAILURES", 2)
    with pytest.raises(OmpModelsError, match=r"failed in all 2 episodes up to seed 1000001"):
        collect_demonstrations(open_demonstrator("adroit/door", experts=tmp_path), 1, FIRST_TRAINING_SEED)


@needs("gymnasium_robotics")
def test_an_expert_of_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OmpModelsError, match=r"door\.npz does not exist; --experts names"):
        open_demonstrator("adroit/door", experts=tmp_path)
    zero_expert(tmp_path, "pen").joinpath("pen.npz").rename(tmp_path / "door.npz")
    with pytest.raises(OmpModelsError, match=r"door\.npz: maps 45 to 24 values, 39 to 28 expected"):
        open_demonstrator("adroit/door", experts=tmp_path)
    np.savez(tmp_path / "door.npz", w0=np.zeros((28, 39)))
    with pytest.raises(OmpModelsError, match=r"door\.npz: array b0 is missing"):
        open_demonstrator("adroit/door", experts=tmp_path)


@pytest.mark.parametrize("package", ["metaworld", "gymnasium_robotics"])
def test_a_missing_simulator_is_named_with_its_remedy(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setitem(sys.modules, f"{package}.env_dict", None)
    task = "metaworld/reach" if package == "metaworld" else "adroit/pen"
    with pytest.raises(OmpModelsError, match=r"needs .*pip install --no-deps metaworld==3\.1\.1") as caught:
        open_world(task)
    assert caught.value.code == "PACKAGE_MISSING"


@pytest.mark.parametrize(
    ("task", "keys", "message"),
    [
        ("pushh", None, "no task 'pushh'; known are push, metaworld/"),
        ("metaworld/", None, "no task 'metaworld/'"),
        ("adroit/knock", None, "Adroit has no task 'knock'; it has door, hammer, pen, relocate"),
        ("push", ["observation.state"], "the push world makes all its observations"),
        pytest.param("metaworld/fly", None, "Meta-World has no task 'fly'; it has assembly", marks=needs("metaworld")),
        pytest.param(
            "metaworld/reach", ["observation.img"], "no observation observation.img", marks=needs("metaworld")
        ),
    ],
)
def test_an_unknown_task_or_observation_is_named(task: str, keys: list[str] | None, message: str) -> None:
    with pytest.raises(OmpModelsError, match=message):
        open_world(task, keys)


@pytest.mark.parametrize(("task", "experts"), [("push", Path("x")), ("adroit/pen", None)])
def test_experts_are_asked_for_where_they_are_needed(task: str, experts: Path | None) -> None:
    with pytest.raises(OmpModelsError, match="--experts"):
        open_demonstrator(task, experts=experts)
