"""What a policy is and how it is trained. Both are saved as JSON next to what they produced."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .errors import OmpModelsError


@dataclass(frozen=True)
class PolicyConfig:
    """The shape of a policy: what it sees, what it predicts and the network between them."""

    observation_dims: dict[str, int] = field(
        default_factory=lambda: {"observation.state": 6, "observation.environment_state": 4}
    )
    """Values a step of every observation key, in the order in which the network sees them."""
    action_dim: int = 6
    n_obs_steps: int = 2
    horizon: int = 16
    """Rows of a chunk; the last row minus the first is `horizon - 1` steps apart."""
    n_action_steps: int = 8
    """Rows executed of every chunk."""
    lead_steps: int = 1
    """Steps between an observation and the first action taken from its chunk."""
    dt_ms: float = 50.0
    down_dims: tuple[int, ...] = (64, 128)
    """Channels of every level of the U-Net, each a multiple of 8; the length halves between levels."""
    time_embedding_dim: int = 128
    encoder_hidden_dim: int = 128
    encoder_feature_dim: int = 64

    def __post_init__(self) -> None:
        object.__setattr__(self, "down_dims", tuple(self.down_dims))
        levels = 2 ** (len(self.down_dims) - 1)
        _require(self.horizon % levels == 0, f"horizon {self.horizon} is not a multiple of {levels}")
        _require(all(dim % 8 == 0 for dim in self.down_dims), f"down_dims {self.down_dims}: multiples of 8 expected")
        last_row = self.action_start_index + self.lead_steps + self.n_action_steps
        _require(last_row <= self.horizon, f"the plan needs {last_row} rows, horizon is {self.horizon}")

    @property
    def action_start_index(self) -> int:
        """Row of a chunk that is the action for the newest observed step."""
        return self.n_obs_steps - 1

    @property
    def observation_dim(self) -> int:
        """Values a step, all keys together."""
        return sum(self.observation_dims.values())


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome of a training run."""

    policy: PolicyConfig = field(default_factory=PolicyConfig)
    objective: str = "omp"
    derivative: str = "dde"
    """`dde` central difference, or `jvp` forward-mode derivative."""
    dde_epsilon: float = 0.005
    flow_ratio: float = 0.5
    """Share of a batch with r = t, where the target is the velocity itself."""
    lambda_directional: float = 0.1
    lambda_dispersive: float = 0.5
    seed: int = 0
    steps: int = 6000
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 1e-6
    max_grad_norm: float = 1.0
    ema_max_decay: float = 0.9999
    checkpoint_every: int = 500
    threads: int = 1
    """Torch threads. Part of the configuration because the order of summation depends on it."""

    def to_json(self) -> str:
        """One JSON object; `from_json` reads it back."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads `to_json` output. Raises CONFIG_INVALID and names the key when one is unknown."""
        values = _known_keys(cls, json.loads(text))
        if "policy" in values:
            values["policy"] = policy_from_dict(values["policy"])
        return cls(**values)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a JSON file; keys it leaves out keep their defaults."""
        return cls.from_json(path.read_text())


def policy_from_dict(values: dict[str, Any]) -> PolicyConfig:
    """A policy configuration from parsed JSON. Raises CONFIG_INVALID for an unknown key."""
    return PolicyConfig(**_known_keys(PolicyConfig, values))


def _known_keys(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
    _require(not unknown, f"{cls.__name__} has no key {', '.join(unknown)}")
    return dict(values)


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OmpModelsError("CONFIG_INVALID", message)
