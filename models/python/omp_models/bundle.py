"""Bundles: the directory that the robot runs. Normative description: `models/MANIFEST.md`."""

import dataclasses
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema

from .config import channels
from .dataset import ACTION_KEY
from .errors import OmpModelsError
from .golden import GOLDEN_FILE
from .inputs import NOISE_INPUT, TIME_INPUTS
from .policy import Policy
from .recipe import VARIANTS, Recipe
from .runner import GraphFiles

MANIFEST_VERSION = 1
MANIFEST_FILE = "manifest.json"
CHECKPOINT_FILE = "checkpoint.safetensors"
VARIANT_FILES = {name: f"policy.{name}.onnx" for name in VARIANTS}
ENCODER_FILE = "encoder.split.onnx"
UNITS = {"revolute": "rad", "prismatic": "m"}
SCHEMA = Path(__file__).resolve().parents[2] / "schema" / "manifest.schema.json"


def manifest(
    recipe: Recipe, policy: Policy, bundle_id: str, training: dict[str, Any], quantization: dict[str, Any]
) -> dict[str, Any]:
    """The manifest without `files`, which `write_bundle` adds."""
    config = policy.config
    return {
        "manifest_version": MANIFEST_VERSION,
        "bundle_id": bundle_id,
        "bundle_version": recipe.bundle_version,
        "created_at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "policy": policy_section(policy),
        "observations": [
            {
                "key": spec.key,
                "shape": list(config.observation_shapes[spec.key]),
                "dtype": "float32",
                **_without_key(dataclasses.asdict(spec)),
            }
            for spec in recipe.observations
        ],
        "action": action_section(recipe),
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
        "variants": [variant_section(name) for name in recipe.export.variants],
        "default_variant": recipe.export.variants[0],
        "golden": {"file": GOLDEN_FILE},
        "training": training,
        "quantization": quantization,
    }


def action_section(recipe: Recipe) -> dict[str, Any]:
    """The manifest's `action`."""
    columns = {"key": ACTION_KEY, "kind": "simulator", "dtype": "float32", "names": recipe.action_names}
    if not recipe.is_simulated:
        joints = [{**joint, "unit": UNITS[joint["kind"]]} for joint in recipe.robot_joints()]
        columns = {"key": ACTION_KEY, "kind": "joint_position", "dtype": "float32", "joints": joints}
    return columns


def action_columns(action: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and unit of every column of the manifest's `action`; a simulator's have no unit."""
    if action["kind"] == "simulator":
        return [(name, "") for name in action["names"]]
    return [(joint["name"], joint["unit"]) for joint in action["joints"]]


def variant_section(name: str) -> dict[str, Any]:
    """One of the manifest's `variants`."""
    is_timed, is_split = name == "tau", name == "split"
    section = {
        "name": name,
        "file": VARIANT_FILES[name],
        "precision": "fp32" if is_timed or is_split else name,
        "inputs": [{"name": key, "shape": [1], "meaning": text} for key, text in TIME_INPUTS.items() if is_timed],
    }
    return {**section, "encoder": ENCODER_FILE} if is_split else section


def variant_graphs(section: dict[str, Any]) -> GraphFiles:
    """Files of one of the manifest's `variants`."""
    return (section["encoder"], section["file"]) if "encoder" in section else section["file"]


def policy_section(policy: Policy) -> dict[str, Any]:
    """The manifest's `policy`."""
    config = policy.config
    return {
        "kind": "omp",
        "objective": config.objective,
        "nfe": policy.nfe,
        "n_obs_steps": config.n_obs_steps,
        "horizon": config.horizon,
        "n_action_steps": config.n_action_steps,
        "action_start_index": config.action_start_index,
        "lead_steps": config.lead_steps,
        "dt_ms": round(config.dt_ms) if config.dt_ms == round(config.dt_ms) else config.dt_ms,
    }


def write_bundle(contents: Path, unfinished: dict[str, Any], out: Path) -> dict[str, Any]:
    """Adds the manifest to the files in `contents` and puts the whole at `out`; returns the manifest.

    Whoever reads `out` meanwhile finds the old bundle, none or the new one, never a mixture.
    """
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "bytes": path.stat().st_size}
        for path in sorted(contents.iterdir())
    }
    complete = {**unfinished, "files": files}
    text = json.dumps(complete, indent=2) + "\n"
    parse_manifest(text)
    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as folder:
        fresh = Path(folder) / "new"
        shutil.copytree(contents, fresh)
        (fresh / MANIFEST_FILE).write_text(text, encoding="utf-8")
        # Temporary directories are closed to others; the robot may run as another user.
        fresh.chmod(0o755)
        for path in fresh.iterdir():
            path.chmod(0o644)
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
    value = parse_manifest(path.read_bytes())
    for name, expected in value["files"].items():
        file = bundle / name
        content = file.read_bytes() if file.is_file() else b""
        found = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
        if found != expected:
            raise OmpModelsError("BUNDLE_INVALID", f"{file} is {found}, the manifest names {expected}")
    return value


def parse_manifest(text: str | bytes) -> dict[str, Any]:
    """Reads JSON, UTF-8 where bytes are given, and checks it as `validate_manifest` does. Raises BUNDLE_INVALID."""
    try:
        decoded = text if isinstance(text, str) else text.decode("utf-8")
        value = json.loads(decoded, parse_constant=_refuse_constant)
    except ValueError as error:
        raise OmpModelsError("BUNDLE_INVALID", f"{MANIFEST_FILE} is not JSON: {error}") from error
    validate_manifest(value)
    return value


def golden_files(manifest: dict[str, Any]) -> dict[str, GraphFiles]:
    """Graph files by name of the variants that have golden outputs: those without inputs of their own."""
    return {one["name"]: variant_graphs(one) for one in manifest["variants"] if not one["inputs"]}


def validate_manifest(value: object) -> None:
    """Checks a manifest against the schema and the rules across keys. Raises BUNDLE_INVALID naming the key."""
    if isinstance(value, dict) and value.get("manifest_version", MANIFEST_VERSION) != MANIFEST_VERSION:
        raise _invalid("manifest_version", f"{value['manifest_version']!r} found, {MANIFEST_VERSION} expected")
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(schema).iter_errors(value))
    if error is not None:
        raise _invalid(_key(error), error.message)
    assert isinstance(value, dict)
    for key, holds, expected in _rules(value):
        if not holds:
            raise _invalid(key, f"{expected} expected")


def _rules(value: dict[str, Any]) -> Iterator[tuple[str, bool, str]]:
    """Key, whether its rule holds, the rule. A rule may rely on those before it."""
    policy, observations, action = value["policy"], value["observations"], value["action"]
    joints = action.get("joints", [])
    names = action.get("names", [joint["name"] for joint in joints])
    rows = policy["horizon"] - policy["action_start_index"]
    yield "policy.action_start_index", rows >= 1, "less than horizon"
    yield "policy.lead_steps", policy["lead_steps"] < rows, f"0 to {rows - 1}"
    rows -= policy["lead_steps"]
    yield "policy.n_action_steps", policy["n_action_steps"] <= rows, f"1 to {rows}"

    whole = action["kind"] == "simulator" or policy["dt_ms"] == int(policy["dt_ms"])
    yield "policy.dt_ms", whole, "whole ms, as a controller ticks,"

    keys = [one["key"] for one in observations]
    yield "observations", _is_unique(keys), "every key once"
    for i, one in enumerate(observations):
        yield f"observations[{i}].key", one["key"] != ACTION_KEY, f"another key than {ACTION_KEY}"
        size = channels(one["shape"])
        yield f"observations[{i}].names", len(one["names"]) == size, f"{size} names, one a channel"
    other = "joints" if action["kind"] == "simulator" else "names"
    yield f"action.{other}", other not in action, f"no such key for kind {action['kind']}"
    yield f"action.{'names' if 'names' in action else 'joints'}", _is_unique(names), "every name once"
    for i, joint in enumerate(joints):
        holds = joint["min_position"] < joint["max_position"]
        yield f"action.joints[{i}].max_position", holds, f"more than min_position {joint['min_position']}"

    noise = value["noise"]
    yield "noise.input", noise["input"] not in (*keys, ACTION_KEY), f"neither {ACTION_KEY} nor an observation key"
    shape = [policy["horizon"], len(names)]
    yield "noise.shape", noise["shape"] == shape, f"{shape}, horizon and joints"

    stats = value["normalization"]["stats"]
    sizes = {one["key"]: channels(one["shape"]) for one in observations} | {ACTION_KEY: len(names)}
    for key in {**sizes, **stats}:
        yield f"normalization.stats.{key}", key in sizes and key in stats, f"the keys {', '.join(sizes)}"
        for side, numbers in stats[key].items():
            yield f"normalization.stats.{key}.{side}", len(numbers) == sizes[key], f"{sizes[key]} numbers"

    variants, listed = value["variants"], "a file listed in files"
    yield "variants", _is_unique(variant["name"] for variant in variants), "every name once"
    for i, variant in enumerate(variants):
        yield f"variants[{i}].file", variant["file"] in value["files"], listed
        inputs = [*keys, noise["input"], *(one["name"] for one in variant["inputs"])]
        yield f"variants[{i}].inputs", _is_unique(inputs), "names that no other input has"
        if "encoder" in variant:
            yield f"variants[{i}].inputs", not variant["inputs"], "none, beside an encoder,"
            yield f"variants[{i}].encoder", variant["encoder"] in value["files"], listed
    runnable = [one["name"] for one in variants if not one["inputs"]]
    yield "default_variant", value["default_variant"] in runnable, "the name of a variant without inputs of its own"
    yield "golden.file", value["golden"]["file"] in value["files"], listed


def _is_unique(names: Iterable[str]) -> bool:
    names = list(names)
    return len(set(names)) == len(names)


def _key(error: jsonschema.ValidationError) -> str:
    """Path of the key that is wrong, missing or unknown, as in `action.joints[0].name`."""
    path = list(error.absolute_path)
    match error.validator:
        case "required":
            path.append(next(key for key in error.validator_value if key not in error.instance))
        case "additionalProperties":
            path.append(next(key for key in error.instance if key not in error.schema["properties"]))
        case _ if "propertyNames" in error.absolute_schema_path:
            path.append(error.instance)
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(parts).removeprefix(".") or "the root"


def _invalid(key: str, problem: str) -> OmpModelsError:
    return OmpModelsError("BUNDLE_INVALID", f"{MANIFEST_FILE}: {key}: {problem}")


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON number")


def _without_key(spec: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in spec.items() if name != "key"}
