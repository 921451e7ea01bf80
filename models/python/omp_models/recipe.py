"""A recipe: one JSON file from which a bundle is made again, from the demonstrations to the measured success."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from .config import TrainConfig
from .errors import OmpModelsError
from .worlds.push_world import WORLD_FOLDER

WORLDS = {"push": WORLD_FOLDER / "world.json"}
JOINT_KEYS = ("name", "kind", "min_position", "max_position", "max_velocity", "max_acceleration")


@dataclass(frozen=True)
class ObservationSpec:
    """What the manifest says of one observation key; `names` has one entry for each value of a step."""

    key: str
    unit: str
    names: list[str]
    rate_hz: float
    max_age_ms: float


@dataclass(frozen=True)
class DemonstrationSpec:
    """Which demonstrations are collected."""

    episodes: int = 400
    first_seed: int = 1_000_000


@dataclass(frozen=True)
class QuantizationSpec:
    """How many observation windows set the activation ranges, and the seed that draws them and their noise."""

    calibration_count: int = 512
    seed: int = 0


@dataclass(frozen=True)
class EvaluationSpec:
    """Episodes on which the success in the manifest is measured; no demonstration uses their seeds."""

    episodes: int = 100
    first_seed: int = 0


@dataclass(frozen=True)
class Recipe:
    """Everything that `make` needs. `train` and `export` read the parts that concern them."""

    bundle_id: str
    bundle_version: str
    command: str
    """What makes the bundle again, as it stands in the manifest."""
    observations: list[ObservationSpec]
    world: str | None = None
    """`push`, or null for demonstrations from elsewhere, which are neither collected nor evaluated here."""
    joints: list[dict[str, Any]] = field(default_factory=list)
    """Joints in action order with the keys JOINT_KEYS; empty: those of the world."""
    demonstrations: DemonstrationSpec = field(default_factory=DemonstrationSpec)
    train: TrainConfig = field(default_factory=TrainConfig)
    quantization: QuantizationSpec = field(default_factory=QuantizationSpec)
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)

    def __post_init__(self) -> None:
        policy = self.train.policy
        keys = [spec.key for spec in self.observations]
        expected = list(policy.observation_dims)
        _require(keys == expected, f"observations {keys}: {expected} expected")
        for spec in self.observations:
            dim = policy.observation_dims[spec.key]
            _require(len(spec.names) == dim, f"{spec.key} has {len(spec.names)} names and {dim} values")
        _require(self.world is None or self.world in WORLDS, f"world {self.world!r} is unknown; known: push, null")
        joints = self.robot_joints()
        _require(len(joints) == policy.action_dim, f"{len(joints)} joints, action_dim is {policy.action_dim}")

    def robot_joints(self) -> list[dict[str, Any]]:
        """Name, kind and limits of every joint, in action order."""
        joints = self.joints
        if not joints and self.world is not None:
            joints = json.loads(WORLDS[self.world].read_text())["joints"]
        for joint in joints:
            missing = [key for key in JOINT_KEYS if key not in joint]
            _require(not missing, f"joint {joint.get('name')} lacks {', '.join(missing)}")
        return [{key: joint[key] for key in JOINT_KEYS} for joint in joints]

    def to_json(self) -> str:
        """One JSON object; `from_json` reads it back."""
        return json.dumps(dataclasses.asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads a recipe. Raises CONFIG_INVALID and names the key that is unknown, missing or does not fit."""
        try:
            values = json.loads(text)
            _require(isinstance(values, dict), f"recipe is {type(values).__name__}, an object is expected")
            parts = {
                "train": lambda part: TrainConfig.from_json(json.dumps(part)),
                "observations": lambda part: [ObservationSpec(**one) for one in part],
                "demonstrations": lambda part: DemonstrationSpec(**part),
                "quantization": lambda part: QuantizationSpec(**part),
                "evaluation": lambda part: EvaluationSpec(**part),
            }
            return cls(**{key: parts[key](value) if key in parts else value for key, value in values.items()})
        except (TypeError, json.JSONDecodeError) as error:
            raise OmpModelsError("CONFIG_INVALID", f"recipe: {error}") from error

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a recipe file."""
        if not path.is_file():
            raise OmpModelsError("CONFIG_INVALID", f"{path} does not exist; a recipe file is expected")
        return cls.from_json(path.read_text())


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OmpModelsError("CONFIG_INVALID", message)
