"""The policy in PyTorch and its file."""

from pathlib import Path

import numpy as np
import pytest
import torch

from omp_models.config import PolicyConfig
from omp_models.dataset import load_demonstrations
from omp_models.errors import OmpModelsError
from omp_models.policy import Policy, load_policy, save_policy


@pytest.fixture
def policy(dataset: Path, policy_config: PolicyConfig) -> Policy:
    """Untrained."""
    torch.manual_seed(4)
    return Policy(policy_config, load_demonstrations(dataset, policy_config).stats()).eval()


def observation(batch: int) -> dict[str, torch.Tensor]:
    """Physical values, in an order that is not the network's."""
    generator = torch.Generator().manual_seed(0)
    return {
        "observation.environment_state": torch.randn(batch, 2, 1, generator=generator),
        "observation.state": torch.randn(batch, 2, 2, generator=generator),
    }


@torch.no_grad()
def test_one_evaluation_at_t_1_and_r_0_gives_physical_actions(policy: Policy) -> None:
    noise = torch.randn(3, 8, 2, generator=torch.Generator().manual_seed(1))
    low, high = torch.from_numpy(policy.stats["action"].min), torch.from_numpy(policy.stats["action"].max)
    calls: list[tuple[torch.Tensor, torch.Tensor]] = []
    policy.network.register_forward_pre_hook(lambda _, args: calls.append(args[1:3]))
    actions = policy(observation(3), noise)
    assert len(calls) == 1
    assert calls[0][0].tolist() == [0, 0, 0]
    assert calls[0][1].tolist() == [1, 1, 1]

    state, environment = policy.stats["observation.state"], policy.stats["observation.environment_state"]
    parts = []
    for stats, key in ((state, "observation.state"), (environment, "observation.environment_state")):
        minimum, maximum = torch.from_numpy(stats.min), torch.from_numpy(stats.max)
        parts.append((observation(3)[key] - minimum) / (maximum - minimum) * 2 - 1)
    features = policy.network.encode(torch.cat(parts, dim=-1))
    normalized = noise - policy.network(noise, torch.zeros(3), torch.ones(3), features)
    torch.testing.assert_close(actions, low + (normalized + 1) / 2 * (high - low), rtol=1e-4, atol=1e-5)


def test_a_file_gives_the_same_policy_again(policy: Policy, tmp_path: Path) -> None:
    save_policy(policy, tmp_path / "policy.safetensors")
    again = load_policy(tmp_path / "policy.safetensors")
    noise = torch.randn(3, 8, 2)
    assert again.config == policy.config
    np.testing.assert_array_equal(again(observation(3), noise), policy(observation(3), noise).detach())
    assert not any(parameter.requires_grad for parameter in again.parameters())


@pytest.mark.parametrize("content", [None, b"", b"\x08\0\0\0\0\0\0\0{}      "], ids=["missing", "empty", "no policy"])
def test_a_file_that_is_no_policy_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "policy.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OmpModelsError, match=r"policy\.safetensors") as raised:
        load_policy(path)
    assert raised.value.code == "CHECKPOINT_INVALID"
