"""A recipe: one YAML or JSON file that makes a bundle again, from the demonstrations to the measured success."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from . import yaml_text
from .config import TrainConfig
from .errors import OmpModelsError
from .worlds.push_world import WORLD_FOLDER

WORLDS = {"push": WORLD_FOLDER / "world.json"}
JOINT_KEYS = ("name", "kind", "min_position", "max_position", "max_velocity", "max_acceleration")


@dataclass(frozen=True)
class ObservationSpec:
    """What the manifest says of one observation key; `names` has one entry for each value of the last axis."""

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
class RolloutSpec:
    """Early rollouts during training; no demonstration and no evaluation uses their seeds."""

    every: int = 0
    """Optimiser steps between two of them, 0: none."""
    episodes: int = 10
    first_seed: int = 500_000


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
    rollouts: RolloutSpec = field(default_factory=RolloutSpec)
    quantization: QuantizationSpec = field(default_factory=QuantizationSpec)
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)

    def __post_init__(self) -> None:
        policy = self.train.policy
        keys = [spec.key for spec in self.observations]
        expected = list(policy.observation_shapes)
        _require(keys == expected, f"observations {keys}: {expected} expected")
        for spec in self.observations:
            dim = policy.observation_shapes[spec.key][-1]
            _require(len(spec.names) == dim, f"{spec.key} has {len(spec.names)} names, its last axis has {dim} values")
        _require(self.world is None or self.world in WORLDS, f"world {self.world!r} is unknown; known: push, null")
        _require(self.rollouts.every == 0 or self.world is not None, "rollouts need a world; the recipe names none")
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
        """One JSON object, which is YAML too; `from_text` reads it back."""
        return json.dumps({**dataclasses.asdict(self), "train": self.train.to_dict()}, indent=2)

    @classmethod
    def from_text(cls, text: str, name: str = "recipe") -> Self:
        """Reads a recipe in YAML or JSON. Raises CONFIG_INVALID and names the key that is unknown, missing or wrong."""
        return cls.from_dict(yaml_text.parse(text, name), name)

    @classmethod
    def from_dict(cls, values: dict[str, Any], name: str = "recipe") -> Self:
        """Reads parsed YAML or JSON; see `from_text`."""
        parts = {
            "train": TrainConfig.from_dict,
            "observations": lambda part: [ObservationSpec(**one) for one in part],
            "demonstrations": lambda part: DemonstrationSpec(**part),
            "rollouts": lambda part: RolloutSpec(**part),
            "quantization": lambda part: QuantizationSpec(**part),
            "evaluation": lambda part: EvaluationSpec(**part),
        }
        try:
            return cls(**{key: parts[key](value) if key in parts else value for key, value in values.items()})
        except TypeError as error:
            raise OmpModelsError("CONFIG_INVALID", f"{name}: {error}") from error

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads a recipe file."""
        return cls.from_files([path])

    @classmethod
    def from_files(cls, paths: Sequence[Path], changes: Sequence[str] = ()) -> Self:
        """Reads a recipe from several files, later ones laid over earlier ones key by key, and makes `changes`.

        So the recipe of a task and the settings of a method are written once each. A change is `KEY.KEY=VALUE` with a
        YAML value, such as `train.policy.objective=mp1`.
        """
        values: dict[str, Any] = {}
        for path in paths:
            if not path.is_file():
                raise OmpModelsError("CONFIG_INVALID", f"{path} does not exist; a recipe file is expected")
            yaml_text.lay_over(values, yaml_text.parse(path.read_text(), str(path)))
        for change in changes:
            yaml_text.change(values, change)
        return cls.from_dict(values, ", ".join(map(str, paths)))


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise OmpModelsError("CONFIG_INVALID", message)
