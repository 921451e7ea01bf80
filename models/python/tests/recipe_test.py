"""Recipes: what they keep, what they take from their world and what they refuse."""

import json
from pathlib import Path
from typing import Any

import pytest

from omp_models.errors import OmpModelsError
from omp_models.recipe import Recipe

CONFIGS = Path(__file__).parents[1] / "configs"
SHIPPED = CONFIGS / "so101-push.json"


def test_json_gives_the_same_recipe_again(recipe: Recipe) -> None:
    assert Recipe.from_text(recipe.to_json()) == recipe


def test_the_shipped_recipe_takes_its_joints_from_the_world() -> None:
    recipe = Recipe.from_file(SHIPPED)
    assert [joint["name"] for joint in recipe.robot_joints()][::5] == ["shoulder_pan", "gripper"]
    assert "home" not in recipe.robot_joints()[0]
    assert recipe.train.steps == 6000


@pytest.mark.parametrize("task", [path.name for path in sorted(CONFIGS.glob("*.*"))])
def test_every_committed_recipe_is_valid_also_under_every_method(task: str) -> None:
    methods = sorted((CONFIGS / "methods").glob("*.yaml"))
    assert len(methods) == 4
    Recipe.from_file(CONFIGS / task)
    for method in methods:
        assert Recipe.from_files([CONFIGS / task, method]).train.policy.objective == method.stem


def without_limit(values: dict[str, Any]) -> None:
    """Takes the velocity limit from the second joint."""
    del values["joints"][1]["max_velocity"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v.update(epochs=3), "epochs"),
        (lambda v: v["train"].update(epochs=3), "TrainConfig has no key epochs"),
        (lambda v: v["train"]["policy"].update(layers=3), "PolicyConfig has no key layers"),
        (lambda v: v["observations"][0].update(scale=3), "scale"),
        (lambda v: v["demonstrations"].update(count=3), "count"),
        (lambda v: v["quantization"].update(bits=4), "bits"),
        (lambda v: v["evaluation"].update(count=3), "count"),
        (lambda v: v.pop("bundle_id"), "bundle_id"),
        (lambda v: v["observations"][1].pop("unit"), "unit"),
        (lambda v: v["observations"].reverse(), r"observations \['observation.environment_state'.* expected"),
        (lambda v: v["observations"][0]["names"].pop(), "observation.state has 1 names and 2 channels"),
        (lambda v: v.update(world="moon"), "no task 'moon'"),
        (lambda v: v["joints"].pop(), "1 joints, action_dim is 2"),
        (lambda v: v["export"].update(variants=["int8", "fp32", "int4"]), r"\['int4'\] are unknown"),
        (lambda v: v["export"].update(variants=["tau", "fp32"]), "begins with the default"),
        (lambda v: v["export"].update(variants=["int8"]), "lacks fp32"),
        (lambda v: v["export"]["tolerance"].update(int4_p99=1), "int4_p99"),
        (without_limit, "joint lift lacks max_velocity"),
    ],
)
def test_what_does_not_fit_is_named(recipe: Recipe, change: Any, message: str) -> None:
    values = json.loads(recipe.to_json())
    change(values)
    with pytest.raises(OmpModelsError, match=message) as raised:
        Recipe.from_text(json.dumps(values))
    assert raised.value.code == "CONFIG_INVALID"


@pytest.mark.parametrize("text", ["{", "[]", "null", "{}"])
def test_what_is_no_recipe_is_refused(text: str) -> None:
    with pytest.raises(OmpModelsError, match="recipe") as raised:
        Recipe.from_text(text)
    assert raised.value.code == "CONFIG_INVALID"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(OmpModelsError, match=r"nowhere\.json does not exist"):
        Recipe.from_file(tmp_path / "nowhere.json")
