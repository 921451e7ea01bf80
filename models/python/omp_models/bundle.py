"""Bundles: the directory that the robot runs. Normative description: `models/MANIFEST.md`."""

import dataclasses
import hashlib
import json
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

from .config import PolicyConfig
from .dataset import ACTION_KEY
from .errors import OmpModelsError
from .export_onnx import NOISE_INPUT
from .policy import Policy
from .recipe import Recipe
from .runner import Inputs, OnnxRunner

MANIFEST_FILE = "manifest.json"
GOLDEN_FILE = "golden.json"
CHECKPOINT_FILE = "checkpoint.safetensors"
VARIANT_FILES = {"int8": "policy.int8.onnx", "fp32": "policy.fp32.onnx"}
DEFAULT_VARIANT = "int8"
SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "manifest.schema.json"


def manifest(
    recipe: Recipe, policy: Policy, bundle_id: str, training: dict[str, Any], quantization: dict[str, Any]
) -> dict[str, Any]:
    """The manifest without `files`, which `write_bundle` adds."""
    config = policy.config
    units = {"revolute": "rad", "prismatic": "m"}
    return {
        "manifest_version": 1,
        "bundle_id": bundle_id,
        "bundle_version": recipe.bundle_version,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "policy": policy_section(config),
        "observations": [
            {"key": spec.key, "shape": [len(spec.names)], "dtype": "float32", **_without_key(dataclasses.asdict(spec))}
            for spec in recipe.observations
        ],
        "action": {
            "key": ACTION_KEY,
            "kind": "joint_position",
            "dtype": "float32",
            "joints": [{**joint, "unit": units[joint["kind"]]} for joint in recipe.robot_joints()],
        },
        "noise": {
            "input": NOISE_INPUT,
            "shape": [config.horizon, config.action_dim],
            "distribution": "standard_normal",
            "mode": "seeded",
            "generator": "mulberry32_box_muller",
        },
        "normalization": {
            "mode": "min_max",
            "folded": True,
            "stats": {key: stats.to_dict() for key, stats in policy.stats.items()},
        },
        "variants": [{"name": name, "file": file, "precision": name} for name, file in VARIANT_FILES.items()],
        "default_variant": DEFAULT_VARIANT,
        "golden": {"file": GOLDEN_FILE},
        "training": training,
        "quantization": quantization,
    }


def policy_section(config: PolicyConfig) -> dict[str, Any]:
    """The manifest's `policy`."""
    return {
        "kind": "omp",
        "nfe": 1,
        "n_obs_steps": config.n_obs_steps,
        "horizon": config.horizon,
        "n_action_steps": config.n_action_steps,
        "action_start_index": config.action_start_index,
        "lead_steps": config.lead_steps,
        "dt_ms": round(config.dt_ms),
    }


def golden(folder: Path, cases: list[Inputs], tolerance: dict[str, float]) -> dict[str, Any]:
    """What the graphs in `folder` answer to `cases`, in physical units."""
    runners = {name: OnnxRunner(folder / file) for name, file in VARIANT_FILES.items()}
    return {
        "tolerance": tolerance,
        "cases": [
            {
                "inputs": {name: {"shape": list(value.shape), "data": _numbers(value)} for name, value in case.items()},
                "outputs": {name: _numbers(runner.infer(case)) for name, runner in runners.items()},
            }
            for case in cases
        ],
    }


def golden_errors(folder: Path) -> dict[str, float]:
    """Largest difference of every variant from its golden outputs, physical units. NaN when an answer holds one."""
    cases = json.loads((folder / GOLDEN_FILE).read_text())["cases"]
    errors = {}
    for name, file in VARIANT_FILES.items():
        runner = OnnxRunner(folder / file)
        differences = []
        for case in cases:
            inputs = {
                key: np.asarray(value["data"], np.float32).reshape(value["shape"])
                for key, value in case["inputs"].items()
            }
            differences.append(np.abs(runner.infer(inputs).ravel() - np.asarray(case["outputs"][name])).max())
        errors[name] = float(np.max(differences))
    return errors


def golden_tolerances(folder: Path) -> dict[str, float]:
    """Allowed difference of every variant from its golden outputs, physical units."""
    return json.loads((folder / GOLDEN_FILE).read_text())["tolerance"]


def write_bundle(contents: Path, unfinished: dict[str, Any], out: Path) -> dict[str, Any]:
    """Adds the manifest to the files in `contents` and puts the whole at `out`; returns the manifest.

    Whoever reads `out` meanwhile finds the old bundle, none or the new one, never a mixture.
    """
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(contents.iterdir())
    }
    complete = {**unfinished, "files": files}
    validate_manifest(complete)
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        fresh = Path(folder) / "new"
        shutil.copytree(contents, fresh)
        (fresh / MANIFEST_FILE).write_text(json.dumps(complete, indent=2) + "\n")
        if out.exists():
            if not (out / MANIFEST_FILE).is_file():
                raise OmpModelsError("BUNDLE_INVALID", f"{out} exists and is no bundle; name another directory")
            out.rename(Path(folder) / "old")
        fresh.rename(out)
    return complete


def read_manifest(bundle: Path) -> dict[str, Any]:
    """The manifest of a bundle whose files are all there and unchanged. Raises BUNDLE_INVALID."""
    path = bundle / MANIFEST_FILE
    if not path.is_file():
        raise OmpModelsError("BUNDLE_INVALID", f"{path} does not exist; `python -m omp_models export` writes a bundle")
    try:
        value = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise OmpModelsError("BUNDLE_INVALID", f"{path}: {error}") from error
    validate_manifest(value)
    for name, expected in value["files"].items():
        file = bundle / name
        content = file.read_bytes() if file.is_file() else b""
        found = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        if found != expected:
            raise OmpModelsError("BUNDLE_INVALID", f"{file} is {found}, the manifest names {expected}")
    return value


def validate_manifest(value: object) -> None:
    """Checks a manifest against the schema and the rules that a schema cannot say. Raises BUNDLE_INVALID."""
    schema = json.loads(SCHEMA.read_text())
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        raise OmpModelsError("BUNDLE_INVALID", f"{MANIFEST_FILE}: {error.json_path}: {error.message}")
    assert isinstance(value, dict)
    policy, observations, joints = value["policy"], value["observations"], value["action"]["joints"]
    keys = [one["key"] for one in observations]
    last_row = policy["action_start_index"] + policy["lead_steps"] + policy["n_action_steps"]
    sizes = {one["key"]: int(np.prod(one["shape"])) for one in observations} | {ACTION_KEY: len(joints)}
    stats = value["normalization"]["stats"]
    names = [variant["name"] for variant in value["variants"]]
    used = [value["golden"]["file"], *(variant["file"] for variant in value["variants"])]
    rules = {
        "policy: the executed rows must lie within the horizon": last_row <= policy["horizon"],
        "observations: every key once": len(set(keys)) == len(keys),
        "observations: a name for each value of the last axis": all(
            len(one["names"]) == one["shape"][-1] for one in observations
        ),
        "action.joints: every name once": len({joint["name"] for joint in joints}) == len(joints),
        "action.joints: min_position below max_position": all(
            joint["min_position"] < joint["max_position"] for joint in joints
        ),
        "noise.input: no observation key": value["noise"]["input"] not in keys,
        "noise.shape: horizon and joints": value["noise"]["shape"] == [policy["horizon"], len(joints)],
        "normalization.stats: min and max of every key's size": set(stats) == set(sizes)
        and all(len(side) == sizes[key] for key, one in stats.items() for side in one.values()),
        "variants: every name once": len(set(names)) == len(names),
        "default_variant: the name of a variant": value["default_variant"] in names,
        "files: every variant and the golden file": all(file in value["files"] for file in used),
    }
    for rule, holds in rules.items():
        if not holds:
            raise OmpModelsError("BUNDLE_INVALID", f"{MANIFEST_FILE}: {rule}")


def _numbers(values: np.ndarray) -> list[float]:
    """Float32 values as the shortest decimals that read back equal."""
    return [float(np.format_float_positional(value, unique=True, trim="0")) for value in values.ravel()]


def _without_key(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "key"}
