"""Configurations: what they keep and what they refuse."""

import json
from typing import Any

import pytest

from omp_models.config import PolicyConfig, TrainConfig, policy_from_dict
from omp_models.errors import OmpModelsError


def test_json_gives_the_same_configuration_again(train_config: TrainConfig) -> None:
    assert TrainConfig.from_json(train_config.to_json()) == train_config
    assert list(TrainConfig.from_json(train_config.to_json()).policy.observation_shapes) == [
        "observation.state",
        "observation.environment_state",
    ]


def test_what_is_left_out_keeps_its_default() -> None:
    config = TrainConfig.from_json('{"seed": 7, "policy": {"horizon": 32}}')
    assert config == TrainConfig(seed=7, policy=PolicyConfig(horizon=32))


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(OmpModelsError, match="TrainConfig has no key epochs, stepz") as raised:
        TrainConfig.from_json('{"stepz": 1, "epochs": 2, "seed": 3}')
    assert raised.value.code == "CONFIG_INVALID"
    with pytest.raises(OmpModelsError, match="PolicyConfig has no key horizn"):
        TrainConfig.from_json('{"policy": {"horizn": 16}}')


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"horizon": 15}, "horizon 15 is not a multiple of 2"),
        ({"horizon": 18, "down_dims": [16, 16, 16]}, "horizon 18 is not a multiple of 4"),
        ({"down_dims": [16, 20]}, "multiples of 8 from 16 on"),
        ({"down_dims": [8, 16]}, "multiples of 8 from 16 on"),
        ({"n_action_steps": 15}, "needs 17 rows, horizon is 16"),
        ({"lead_steps": 8}, "needs 17 rows, horizon is 16"),
    ],
)
def test_a_shape_that_cannot_be_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(OmpModelsError, match=message) as raised:
        policy_from_dict(values)
    assert raised.value.code == "CONFIG_INVALID"


def test_the_longest_plan_fits() -> None:
    config = PolicyConfig(horizon=16, n_action_steps=14, lead_steps=1)
    assert config.action_start_index + config.lead_steps + config.n_action_steps == 16


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("n_obs_steps", 0),
        ("n_action_steps", 0),
        ("lead_steps", -1),
        ("dt_ms", 0),
        ("action_dim", 0),
        ("horizon", 0),
        ("down_dims", []),
        ("down_dims", [0, 16]),
        ("time_embedding_dim", 2),
        ("time_embedding_dim", 15),
        ("encoder_hidden_dim", 0),
        ("encoder_feature_dim", 0),
        ("observation_shapes", {}),
        ("observation_shapes", {"observation.state": [0]}),
        ("observation_shapes", {"observation.state": [1, 2, 3, 4]}),
        ("objective", "diffusion"),
        ("prediction", "noise"),
    ],
)
def test_a_policy_key_out_of_its_range_is_named(key: str, value: Any) -> None:
    with pytest.raises(OmpModelsError, match=key) as raised:
        policy_from_dict({key: value})
    assert raised.value.code == "CONFIG_INVALID"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dde_epsilon", 0),
        ("flow_ratio", 1.1),
        ("flow_ratio", -0.1),
        ("seed", -1),
        ("seed", 2**32),
        ("steps", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("warmup_steps", -1),
        ("max_grad_norm", 0),
        ("ema_max_decay", 1.5),
        ("checkpoint_every", 0),
        ("threads", 0),
        ("log_every", 0),
        ("derivative", "exact"),
        ("precision", "fp8"),
        ("guidance", 0),
    ],
)
def test_a_training_key_out_of_its_range_is_named(key: str, value: Any) -> None:
    with pytest.raises(OmpModelsError, match=key) as raised:
        TrainConfig.from_json(json.dumps({key: value}))
    assert raised.value.code == "CONFIG_INVALID"


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"policy": 3}', '{"steps": "6"}'])
def test_what_is_no_configuration_is_refused(text: str) -> None:
    with pytest.raises(OmpModelsError) as raised:
        TrainConfig.from_json(text)
    assert raised.value.code == "CONFIG_INVALID"
