"""A recipe: one YAML or JSON file that makes a bundle again, from the demonstrations to the measured success."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from . import yaml_text
from .config import TrainConfig, channels
from .errors import OmpModelsError, require_config
from .worlds.push_world import WORLD_FOLDER
from .worlds.tasks import require_task

WORLDS = {"push": WORLD_FOLDER / "world.json"}
VARIANTS = ("int8", "fp32", "fp16", "tau", "split")
JOINT_KEYS = ("name", "kind", "min_position", "max_position", "max_velocity", "max_acceleration")
OPTIONAL_JOINT_KEYS = ("max_jerk", "max_effort")


@dataclass(frozen=True)
class ObservationSpec:
    """What the manifest says of one observation key; `names` has one entry for each channel, or none: numbered."""

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
    """How the INT8 graph is made."""

    calibration_count: int = 512
    """Observation windows that set the activation ranges."""
    sweep_count: int = 128
    """Other windows, on which the sensitivity of the layers is measured."""
    target_p99: float = 0.02
    """Layers stay in float until 99 % of the action values differ by at most this, network units."""
    seed: int = 0
    """Draws the windows and the noise of the calibration."""


@dataclass(frozen=True)
class ToleranceSpec:
    """How far a graph may be from PyTorch, network units, in which the range of a joint in training spans 2."""

    fp32_max: float = 1e-5
    """Largest difference of any action value."""
    fp16_p99: float = 0.01
    """99th percentile of the difference."""
    int8_p99: float = 0.03
    """99th percentile of the difference; above `target_p99`, since that holds on the windows of the sweep."""


@dataclass(frozen=True)
class ExportSpec:
    """Which graphs a bundle holds, and when it is not written."""

    variants: tuple[str, ...] = ("int8", "fp32")
    """Of VARIANTS, the default variant first."""
    tolerance: ToleranceSpec = field(default_factory=ToleranceSpec)

    @property
    def compared(self) -> list[str]:
        """Variants that answer as PyTorch does, for golden cases and comparisons."""
        return [name for name in self.variants if name != "tau"]

    def __post_init__(self) -> None:
        object.__setattr__(self, "variants", tuple(self.variants))
        unknown = [name for name in self.variants if name not in VARIANTS]
        require_config(not unknown, f"export.variants {unknown} are unknown; known: {', '.join(VARIANTS)}")
        require_config(
            self.variants[:1] in (("int8",), ("fp32",)), "export.variants begins with the default, int8 or fp32"
        )
        require_config("fp32" in self.variants, "export.variants lacks fp32, which the others are made from")


@dataclass(frozen=True)
class EvaluationSpec:
    """Episodes on which the success in the manifest is measured; no demonstration uses their seeds."""

    episodes: int = 100
    """0: the manifest says nothing of success."""
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
    """A task such as `push` or `metaworld/door-open`; null for demonstrations from elsewhere, which are neither
    collected nor evaluated here."""
    joints: list[dict[str, Any]] = field(default_factory=list)
    """Joints in action order with the keys JOINT_KEYS, and any of OPTIONAL_JOINT_KEYS; empty: those of the world."""
    action_names: list[str] = field(default_factory=list)
    """Names of the action's elements in a simulator, whose actions are no joint positions; empty: numbered."""
    demonstrations: DemonstrationSpec = field(default_factory=DemonstrationSpec)
    train: TrainConfig = field(default_factory=TrainConfig)
    rollouts: RolloutSpec = field(default_factory=RolloutSpec)
    quantization: QuantizationSpec = field(default_factory=QuantizationSpec)
    export: ExportSpec = field(default_factory=ExportSpec)
    evaluation: EvaluationSpec = field(default_factory=EvaluationSpec)

    def __post_init__(self) -> None:
        policy = self.train.policy
        keys = [spec.key for spec in self.observations]
        expected = list(policy.observation_shapes)
        require_config(keys == expected, f"observations {keys}: {expected} expected")
        if self.world is not None:
            require_task(self.world)
        for i, spec in enumerate(self.observations):
            count = channels(policy.observation_shapes[spec.key])
            if not spec.names:
                numbered = [f"{spec.key.removeprefix('observation.')}_{channel}" for channel in range(count)]
                self.observations[i] = spec = dataclasses.replace(spec, names=numbered)
            require_config(len(spec.names) == count, f"{spec.key} has {len(spec.names)} names and {count} channels")
        require_config(
            self.rollouts.every == 0 or self.world is not None, "rollouts need a world; the recipe names none"
        )
        if self.is_simulated:
            if not self.action_names:
                object.__setattr__(self, "action_names", [f"action_{i}" for i in range(policy.action_dim)])
            count = len(self.action_names)
            require_config(count == policy.action_dim, f"{count} action_names, action_dim is {policy.action_dim}")
            require_config(
                not self.joints, f"joints: {self.world} moves none; name the action's elements in action_names"
            )
            return
        joints = self.robot_joints()
        require_config(len(joints) == policy.action_dim, f"{len(joints)} joints, action_dim is {policy.action_dim}")

    @property
    def is_simulated(self) -> bool:
        """Whether the actions are those of a simulator that has no joints of ours."""
        return self.world is not None and self.world not in WORLDS

    def robot_joints(self) -> list[dict[str, Any]]:
        """Name, kind and limits of every joint, in action order; limits that are optional where they are given."""
        joints = self.joints
        if not joints and self.world is not None:
            joints = json.loads(WORLDS[self.world].read_text())["joints"]
        for joint in joints:
            missing = [key for key in JOINT_KEYS if key not in joint]
            require_config(not missing, f"joint {joint.get('name')} lacks {', '.join(missing)}")
        keys = (*JOINT_KEYS, *OPTIONAL_JOINT_KEYS)
        return [{key: joint[key] for key in keys if key in joint} for joint in joints]

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
            "export": lambda part: ExportSpec(**{**part, "tolerance": ToleranceSpec(**part.get("tolerance", {}))}),
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
