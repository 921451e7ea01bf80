"""Policies written before observations had shapes are still read."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from omp_models.config import PolicyConfig
from omp_models.dataset import load_demonstrations
from omp_models.policy import Policy, load_policy


def test_a_policy_of_the_first_format_is_read(policy_config: PolicyConfig, dataset: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    policy = Policy(policy_config, load_demonstrations(dataset, policy_config).stats())
    known = ("action_dim", "horizon", "n_action_steps", "down_dims", "time_embedding_dim")
    config = {name: getattr(policy_config, name) for name in (*known, "encoder_hidden_dim", "encoder_feature_dim")}
    config["observation_dims"] = {key: shape[0] for key, shape in policy_config.observation_shapes.items()}
    stats = {key: value.to_dict() for key, value in policy.stats.items()}
    weights = {key.replace("encoder.state.", "encoder."): value for key, value in policy.network.state_dict().items()}
    path = tmp_path / "policy.safetensors"
    save_file(weights, path, {"config": json.dumps(config), "stats": json.dumps(stats)})

    again = load_policy(path)
    assert again.config == policy_config
    observation = {key: torch.randn(3, 2, *shape) for key, shape in policy_config.observation_shapes.items()}
    noise = torch.randn(3, policy_config.horizon, policy_config.action_dim)
    assert torch.equal(again(observation, noise), policy(observation, noise))
