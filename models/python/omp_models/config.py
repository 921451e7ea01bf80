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
        counts = ("action_dim", "n_obs_steps", "horizon", "n_action_steps", "encoder_hidden_dim", "encoder_feature_dim")
        _require_at_least(1, self, *counts)
        _require_at_least(0, self, "lead_steps")
        _require_positive(self, "dt_ms")
        dims = self.observation_dims
        _require(len(dims) > 0 and min(dims.values()) > 0, f"observation_dims {dims}: a key, each of a value or more")
        embedding = self.time_embedding_dim
        _require(embedding >= 4 and embedding % 2 == 0, f"time_embedding_dim {embedding}: an even number from 4 on")
        multiples = len(self.down_dims) > 0 and all(dim > 0 and dim % 8 == 0 for dim in self.down_dims)
        _require(multiples, f"down_dims {self.down_dims}: multiples of 8 expected")
        levels = 2 ** (len(self.down_dims) - 1)
        _require(self.horizon % levels == 0, f"horizon {self.horizon} is not a multiple of {levels}")
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

    def __post_init__(self) -> None:
        _require_at_least(1, self, "steps", "batch_size", "checkpoint_every", "threads")
        _require_at_least(0, self, "seed", "warmup_steps", "weight_decay", "lambda_directional", "lambda_dispersive")
        _require_positive(self, "dde_epsilon", "learning_rate", "max_grad_norm")
        _require(self.seed < 2**32, f"seed is {self.seed}; less than 2^32 expected")
        for name in ("flow_ratio", "ema_max_decay"):
            value = getattr(self, name)
            _require(0 <= value <= 1, f"{name} is {value}; 0 to 1 expected")

    def to_json(self) -> str:
        """One JSON object; `from_json` reads it back."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads `to_json` output. Raises CONFIG_INVALID and names the key that is unknown or out of its range."""
        try:
            values = _known_keys(cls, json.loads(text))
            if "policy" in values:
                values["policy"] = policy_from_dict(values["policy"])
            return cls(**values)
        except (TypeError, json.JSONDecodeError) as error:
            raise OmpModelsError("CONFIG_INVALID", f"{cls.__name__}: {error}") from error

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a JSON file; keys it leaves out keep their defaults."""
        return cls.from_json(path.read_text())


def policy_from_dict(values: dict[str, Any]) -> PolicyConfig:
    """A policy configuration from parsed JSON. Raises CONFIG_INVALID and names the key that does not fit."""
    return PolicyConfig(**_known_keys(PolicyConfig, values))


def _known_keys(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    _require(isinstance(values, dict), f"{cls.__name__} is {type(values).__name__}, an object is expected")
    unknown = sorted(set(values) - {f.name for f in dataclasses.fields(cls)})
    _require(not unknown, f"{cls.__name__} has no key {', '.join(unknown)}")
    return dict(values)


def _require_at_least(least: int, config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        _require(value >= least, f"{name} is {value}; {least} or more expected")


def _require_positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        _require(value > 0, f"{name} is {value}; more than 0 expected")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OmpModelsError("CONFIG_INVALID", message)
