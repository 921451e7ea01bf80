"""The trained policy in PyTorch: physical observations and noise in, physical actions out."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .config import PolicyConfig, policy_from_dict
from .dataset import ACTION_KEY
from .errors import OmpModelsError
from .network import VelocityNetwork
from .normalize import MinMaxStats, Normalizer


class Policy(nn.Module):
    """One network evaluation a chunk: `action = e - u(e, r=0, t=1 | observation)`, normalised in and out."""

    def __init__(self, config: PolicyConfig, stats: dict[str, MinMaxStats], network: VelocityNetwork | None = None):
        super().__init__()
        self.config = config
        self.stats = stats
        self.network = VelocityNetwork(config) if network is None else network
        observed = [stats[key] for key in config.observation_dims]
        self.observation_normalizer = Normalizer(
            MinMaxStats(np.concatenate([s.min for s in observed]), np.concatenate([s.max for s in observed]))
        )
        self.action_normalizer = Normalizer(stats[ACTION_KEY])

    def normalize_observation(self, observation: dict[str, Tensor]) -> Tensor:
        """All keys concatenated and normalised; `observation[key]` [B, To, D_key], physical units."""
        physical = torch.cat([observation[key] for key in self.config.observation_dims], dim=-1)
        return self.observation_normalizer(physical)

    def forward(self, observation: dict[str, Tensor], noise: Tensor) -> Tensor:
        """Actions [B, H, A], physical units, from standard normal `noise` [B, H, A]."""
        features = self.network.encode(self.normalize_observation(observation))
        t = noise.new_ones(len(noise))
        return self.action_normalizer.inverse(noise - self.network(noise, torch.zeros_like(t), t, features))


def save_policy(policy: Policy, path: Path) -> None:
    """Writes weights, shape and statistics as one safetensors file; `load_policy` needs nothing else."""
    metadata = {
        "config": json.dumps(dataclasses.asdict(policy.config)),
        "stats": json.dumps({key: stats.to_dict() for key, stats in policy.stats.items()}),
    }
    save_file({k: v.contiguous() for k, v in policy.network.state_dict().items()}, path, metadata)


def load_policy(path: Path) -> Policy:
    """Reads `save_policy` output, ready for inference. Raises CHECKPOINT_INVALID."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        config = policy_from_dict(json.loads(metadata["config"]))
        stats = {key: MinMaxStats.from_dict(values) for key, values in json.loads(metadata["stats"]).items()}
        policy = Policy(config, stats)
        policy.network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path}: {error}") from error
    return policy.eval().requires_grad_(False)
