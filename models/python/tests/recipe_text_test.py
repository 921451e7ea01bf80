"""Recipes in YAML and JSON."""

import math
from pathlib import Path

import pytest

from omp_models.errors import OmpModelsError
from omp_models.recipe import Recipe
from omp_models.yaml_text import parse

PUSH = Path(__file__).parents[1] / "configs" / "so101-push.json"
METHODS = PUSH.with_name("methods")

YAML = """
bundle_id: cloud
bundle_version: 1.0.0
command: omp train
observations:
  - {key: observation.point_cloud, unit: m, names: [x, y, z], rate_hz: 10, max_age_ms: 200}
joints:
  - {name: a, kind: revolute, min_position: -1, max_position: 1, max_velocity: 2, max_acceleration: 1e1}
train:
  learning_rate: 1e-4   # a float in YAML 1.2 and JSON, a text in YAML 1.1
  max_grad_norm: .inf
  policy:
    objective: mp1
    prediction: velocity
    action_dim: 1
    observation_shapes: {observation.point_cloud: [512, 3]}
"""


def test_numbers_are_numbers():
    recipe = Recipe.from_text(YAML)
    assert recipe.train.learning_rate == 1e-4
    assert recipe.train.policy.observation_shapes == {"observation.point_cloud": (512, 3)}
    assert math.isinf(recipe.train.max_grad_norm)


@pytest.mark.parametrize("text", [YAML, PUSH.read_text()])
def test_a_recorded_recipe_reads_back_equal(text):
    recipe = Recipe.from_text(text)
    assert Recipe.from_text(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("learning_rate: 1e-4", "learning_rate: fast"), "learning_rate is 'fast'"),
        (("learning_rate: 1e-4", "learnin_rate: 1e-4"), "no key learnin_rate"),
        (("objective: mp1", "objective: mp2"), "objective 'mp2' is unknown; known: omp, mp1"),
        (("objective: mp1", "objective: dp3"), "dp3 predicts actions"),
        (("names: [x, y, z]", "names: [x, y]"), "2 names"),
        (("bundle_id: cloud", "bundle_id: cloud\nbundle_id: rain"), "'bundle_id' stands twice"),
        (("train:", "train: ["), "line"),
        (("bundle_version: 1.0.0\n", ""), "bundle_version"),
        (("command: omp train", "command: omp train\nrollouts: {every: 10}"), "rollouts need a world"),
    ],
)
def test_a_mistake_is_named(change, message):
    with pytest.raises(OmpModelsError, match=message) as failure:
        Recipe.from_text(YAML.replace(*change))
    assert failure.value.code == "CONFIG_INVALID"


def test_a_recipe_is_changed_from_outside():
    changes = ["train.policy.objective=mp1", "train.lambda_dispersive=1e-1", "train.policy.down_dims=[16, 32]"]
    recipe = Recipe.from_files([PUSH], changes)
    assert recipe.train.policy.objective == "mp1"
    assert recipe.train.policy.down_dims == (16, 32)
    assert recipe.train.lambda_dispersive == 0.1
    assert recipe.train.steps == Recipe.from_file(PUSH).train.steps


@pytest.mark.parametrize("path", sorted(METHODS.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_method_is_laid_over_a_task(path):
    recipe = Recipe.from_files([PUSH, path])
    assert recipe.train.policy.objective == path.stem
    assert recipe.train.policy.down_dims == (512, 1024, 2048)
    assert recipe.train.learning_rate == 1e-4
    assert recipe.train.steps == Recipe.from_file(PUSH).train.steps
    assert recipe.observations == Recipe.from_file(PUSH).observations


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train.steps", "KEY.KEY=VALUE"),
        ("=3", "KEY.KEY=VALUE"),
        ("train..steps=3", "KEY.KEY=VALUE"),
        ("bundle_id.part=3", "bundle_id holds no keys"),
        ("train.stepz=3", "no key stepz"),
        ("train.steps=[", "train.steps="),
    ],
)
def test_a_wrong_change_is_named(change, message):
    with pytest.raises(OmpModelsError, match=message) as failure:
        Recipe.from_files([PUSH], [change])
    assert failure.value.code == "CONFIG_INVALID"


def test_a_list_is_no_recipe():
    with pytest.raises(OmpModelsError, match="a mapping of keys is expected"):
        parse("[1, 2]", "recipe.yaml")
