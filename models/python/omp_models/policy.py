"""The trained policy in PyTorch: physical observations and noise in, physical actions out."""

import dataclasses
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from .config import PolicyConfig, policy_from_dict
from .dataset import ACTION_KEY
from .errors import OmpModelsError
from .networks import PolicyNetwork
from .normalize import MinMaxStats, Normalizer, ObservationNormalizer
from .objectives import objective_type


class Policy(nn.Module):
    """Normalise, encode, sample, un-normalise: always `nfe` network evaluations a chunk, so one graph exports it."""

    def __init__(self, config: PolicyConfig, stats: dict[str, MinMaxStats], network: PolicyNetwork | None = None):
        super().__init__()
        self.config = config
        self.stats = stats
        self.network = PolicyNetwork(config) if network is None else network
        self.observation_normalizer = ObservationNormalizer(stats, config.observation_shapes)
        self.action_normalizer = Normalizer(stats[ACTION_KEY])
        self.sample = objective_type(config.objective).sample

    @property
    def nfe(self) -> int:
        """Network evaluations a chunk."""
        return objective_type(self.config.objective).nfe

    def normalize_observation(self, observation: dict[str, Tensor]) -> dict[str, Tensor]:
        """Every key in network units; `observation[key]` [B, To, *shape], physical units."""
        return self.observation_normalizer(observation)

    def forward(self, observation: dict[str, Tensor], noise: Tensor) -> Tensor:
        """Actions [B, H, A], physical units, from standard normal `noise` [B, H, A]; a function of its arguments."""
        features = self.network.encode(self.normalize_observation(observation))
        return self.action_normalizer.inverse(self.sample(self.network, noise, features))


def save_policy(policy: Policy, path: Path) -> None:
    """Writes weights, shape and statistics as one safetensors file; `load_policy` needs nothing else."""
    stats = {key: stats.to_dict() for key, stats in policy.stats.items()}
    # One entry: safetensors writes several in any order, and equal policies shall be equal files.
    metadata = {"policy": json.dumps({"config": dataclasses.asdict(policy.config), "stats": stats})}
    save_file({k: v.contiguous() for k, v in policy.network.state_dict().items()}, path, metadata)


def load_policy(path: Path) -> Policy:
    """Reads `save_policy` output, ready for inference. Raises CHECKPOINT_INVALID."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata()
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        description = json.loads(metadata["policy"])
        stats = {key: MinMaxStats.from_dict(values) for key, values in description["stats"].items()}
        policy = Policy(policy_from_dict(description["config"]), stats)
        policy.network.load_state_dict(weights)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path}: {error}") from error
    return policy.eval().requires_grad_(False)
