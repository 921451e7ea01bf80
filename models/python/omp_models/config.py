"""What a policy is and how it is trained. Both are saved as JSON next to what they produced."""

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .errors import OmpModelsError, require_config

Shape = tuple[int, ...]
"""Shape of one step of an observation key: (D,) a vector, (N, C) a point cloud, (C, H, W) an image."""

MEAN_FLOW_OBJECTIVES = ("omp", "mp1", "imf")
"""Objectives that learn an average velocity over an interval [r, t]; their network embeds both ends."""
OBJECTIVES = (*MEAN_FLOW_OBJECTIVES, "flowpolicy", "dp3", "regression")
PREDICTIONS = ("actions", "velocity")


@dataclass(frozen=True)
class PolicyConfig:
    """The shape of a policy: what it sees, what it predicts, the network between them and how it is sampled."""

    observation_shapes: dict[str, Shape] = field(
        default_factory=lambda: {"observation.state": (6,), "observation.environment_state": (4,)}
    )
    """Shape of one step of every observation key, in the order in which the network sees them."""
    action_dim: int = 6
    n_obs_steps: int = 2
    horizon: int = 16
    """Rows of a chunk; the last row minus the first is `horizon - 1` steps apart."""
    n_action_steps: int = 8
    """Rows executed of every chunk."""
    lead_steps: int = 1
    """Steps between an observation and the first action taken from its chunk."""
    dt_ms: float = 50.0
    objective: str = "omp"
    """One of OBJECTIVES: how the network is trained, and with it how actions are sampled from it."""
    prediction: str = "actions"
    """What the U-Net's output stands for.

    `velocity`: u itself, as published. `actions`: the actions x at the path's end, u = (z - x) / t. The default is
    `actions`: one step from noise is then the output itself, no noise has to be copied through the network to be
    subtracted, which leaves a smoother path (measured on the push task: a fifth of the acceleration) and smaller
    quantization steps. `dp3` and `regression` predict actions as published.
    """
    down_dims: tuple[int, ...] = (64, 128)
    """Channels of every level of the U-Net, each a multiple of 8 from 16 on; the length halves between levels.

    GroupNorm has 8 groups. With 8 channels each is normalised by itself: at length 1 that leaves nothing of it.
    """
    time_embedding_dim: int = 128
    encoder_hidden_dim: int = 128
    """Hidden units of the encoder of vectors; MP1 and DP3 have 64."""
    encoder_feature_dim: int = 64
    """Features of every cloud, of every image, and of all vectors together."""

    def __post_init__(self) -> None:
        shapes = {key: tuple(shape) for key, shape in self.observation_shapes.items()}
        object.__setattr__(self, "observation_shapes", shapes)
        object.__setattr__(self, "down_dims", tuple(self.down_dims))
        counts = ("action_dim", "n_obs_steps", "horizon", "n_action_steps", "encoder_hidden_dim", "encoder_feature_dim")
        _require_at_least(1, self, *counts)
        _require_at_least(0, self, "lead_steps")
        _require_positive(self, "dt_ms")
        embedding = self.time_embedding_dim
        require_config(
            embedding >= 4 and embedding % 2 == 0, f"time_embedding_dim {embedding}: an even number from 4 on"
        )
        normable = len(self.down_dims) > 0 and all(dim >= 16 and dim % 8 == 0 for dim in self.down_dims)
        require_config(normable, f"down_dims {self.down_dims}: multiples of 8 from 16 on expected, two a group")
        levels = 2 ** (len(self.down_dims) - 1)
        require_config(self.horizon % levels == 0, f"horizon {self.horizon} is not a multiple of {levels}")
        last_row = self.action_start_index + self.lead_steps + self.n_action_steps
        require_config(last_row <= self.horizon, f"the plan needs {last_row} rows, horizon is {self.horizon}")
        require_config(len(shapes) > 0, "observation_shapes is empty; a policy observes at least one key")
        for key, shape in shapes.items():
            fits = 1 <= len(shape) <= 3 and min(shape) > 0
            require_config(fits, f"observation_shapes: {key} is {shape}; (D,), (N, C) or (C, H, W) expected")
        _require_known("objective", self.objective, OBJECTIVES)
        _require_known("prediction", self.prediction, PREDICTIONS)
        fixed = self.objective in ("dp3", "regression") and self.prediction != "actions"
        require_config(not fixed, f"objective {self.objective} predicts actions; prediction is {self.prediction!r}")

    @property
    def action_start_index(self) -> int:
        """Row of a chunk that is the action for the newest observed step."""
        return self.n_obs_steps - 1

    @property
    def embeds_interval(self) -> bool:
        """Whether the network is told both ends of an interval [r, t], or one time alone."""
        return self.objective in MEAN_FLOW_OBJECTIVES


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the outcome of a training run."""

    policy: PolicyConfig = field(default_factory=PolicyConfig)
    derivative: str = "dde"
    """`dde` central difference, or `jvp` forward-mode derivative; for omp, mp1 and imf."""
    dde_epsilon: float = 0.005
    flow_ratio: float = 0.5
    """Share of a batch with r = t, where the target is the velocity itself."""
    lambda_directional: float = 0.1
    """Weight of the directional alignment; for omp. Not published; 0.1 makes it about as large as the regression.

    What a sweep says of it is in `models/RESULTS.md`.
    """
    lambda_dispersive: float = 0.5
    """Weight of the dispersive regularisation; for omp and mp1."""
    guidance: float = 2.0
    """w of MP1's guided target w v + (1 - w) u(z, t, t); 1 leaves it out. For mp1, which runs it with 2."""
    seed: int = 0
    steps: int = 6000
    batch_size: int = 128
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 1e-6
    max_grad_norm: float = 1.0
    """Length to which a longer gradient is cut; `inf` never cuts, as MP1 and DP3."""
    ema_max_decay: float = 0.9999
    checkpoint_every: int = 500
    log_every: int = 20
    """Steps between two rows of the run's `curves.csv`."""
    precision: str = "fp32"
    """`bf16` runs the forward and backward pass in mixed precision; derivatives and weights stay fp32."""
    threads: int = 1
    """Torch threads. Part of the configuration because the order of summation depends on it."""

    def __post_init__(self) -> None:
        _require_known("derivative", self.derivative, ("dde", "jvp"))
        _require_known("precision", self.precision, ("fp32", "bf16"))
        # JSON has no infinity.
        object.__setattr__(self, "max_grad_norm", math.inf if self.max_grad_norm is None else self.max_grad_norm)
        _require_at_least(1, self, "steps", "batch_size", "checkpoint_every", "log_every", "threads")
        _require_at_least(0, self, "seed", "warmup_steps", "weight_decay", "lambda_directional", "lambda_dispersive")
        _require_positive(self, "dde_epsilon", "learning_rate", "max_grad_norm", "guidance")
        require_config(self.seed < 2**32, f"seed is {self.seed}; less than 2^32 expected")
        for name in ("flow_ratio", "ema_max_decay"):
            value = getattr(self, name)
            require_config(0 <= value <= 1, f"{name} is {value}; 0 to 1 expected")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and YAML; `from_dict` reads them back."""
        values = dataclasses.asdict(self)
        if math.isinf(self.max_grad_norm):
            values["max_grad_norm"] = None
        return values

    def to_json(self) -> str:
        """One JSON object; `from_json` reads it back."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Reads `to_dict` output; keys left out keep their defaults.

        Raises CONFIG_INVALID and names the key when one is unknown.
        """
        values = _known_keys(cls, values)
        if "policy" in values:
            values["policy"] = policy_from_dict(values["policy"])
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads `to_json` output. Raises CONFIG_INVALID and names the key that is unknown or out of its range."""
        try:
            return cls.from_dict(json.loads(text))
        except json.JSONDecodeError as error:
            raise OmpModelsError("CONFIG_INVALID", f"{cls.__name__}: {error}") from error

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a JSON file; keys it leaves out keep their defaults."""
        return cls.from_json(path.read_text())


def policy_from_dict(values: dict[str, Any]) -> PolicyConfig:
    """A policy configuration from parsed JSON or YAML. Raises CONFIG_INVALID and names the key that does not fit."""
    return PolicyConfig(**_known_keys(PolicyConfig, values))


def _known_keys(cls: type, values: dict[str, Any]) -> dict[str, Any]:
    require_config(isinstance(values, dict), f"{cls.__name__} is {type(values).__name__}, an object is expected")
    fields = {f.name: f for f in dataclasses.fields(cls)}
    unknown = sorted(set(values) - set(fields))
    require_config(not unknown, f"{cls.__name__} has no key {', '.join(unknown)}")
    for name, value in values.items():
        default = fields[name].default
        if isinstance(default, (int, float, str)) and value is not None:
            expected = (int, float) if isinstance(default, float) else type(default)
            fits = isinstance(value, expected) and not isinstance(value, bool)
            require_config(fits, f"{name} is {value!r}; a value like {default!r} is expected")
    return dict(values)


def _require_at_least(least: int, config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        require_config(value >= least, f"{name} is {value}; {least} or more expected")


def _require_positive(config: object, *names: str) -> None:
    for name in names:
        value = getattr(config, name)
        require_config(value > 0, f"{name} is {value}; more than 0 expected")


def _require_known(name: str, value: str, known: tuple[str, ...]) -> None:
    require_config(value in known, f"{name} {value!r} is unknown; known: {', '.join(known)}")


def channels(shape: Sequence[int]) -> int:
    """Values of a step that have a name and a range each: the last axis; of an image (C, H, W), the first."""
    return shape[0] if len(shape) == 3 else shape[-1]
