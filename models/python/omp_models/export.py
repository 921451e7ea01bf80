"""From a finished run to a bundle: export, quantize, compare, evaluate, describe."""

import dataclasses
import hashlib
import json
import platform
import tempfile
from pathlib import Path
from typing import Any

import onnxruntime
import torch

from . import events
from .action_error import ActionError, Reference, error_table
from .bundle import (
    CHECKPOINT_FILE,
    ENCODER_FILE,
    VARIANT_FILES,
    action_columns,
    action_section,
    manifest,
    variant_graphs,
    variant_section,
    write_bundle,
)
from .config import TrainConfig
from .dataset import Demonstrations, load_demonstrations
from .errors import OmpModelsError
from .evaluate import run_episodes, summarize
from .export_onnx import export_onnx, export_timed_onnx
from .export_split import export_split_onnx
from .golden import GOLDEN_FILE, golden, golden_tolerances
from .inputs import CHECK_SEED, ObservedInputs
from .interrupt import Interrupt
from .pilots import POLICY_FILES, open_pilot
from .policy import Policy, load_policy, save_policy
from .quantize import METHOD, QUANTIZED_OPS, Quantizer, choose_float_layers, write_fp16
from .recipe import Recipe
from .runner import Inputs, open_graph
from .train import POLICY_FILE
from .verify import require_tolerance
from .worlds.tasks import open_world

RECIPE_FILE = "recipe.json"
COMPARED_WINDOWS = 256
GOLDEN_CASES = 4


def export_bundle(run: Path, data: Path, out: Path, bundle_id: str | None, interrupt: Interrupt) -> dict[str, Any]:
    """Writes the bundle of a finished run to `out` and returns its manifest.

    `data` must be the data set of the run; its windows set the quantizer's ranges, and others of them are what the
    graphs are measured on. Where the recipe names a world, PyTorch, fp32 and int8 drive the same episodes and the
    successes go into the manifest. Raises PARITY_FAILED, and writes nothing, when a graph is too far from PyTorch.
    """
    recipe, policy, demonstrations = _read_run(run, data)
    with tempfile.TemporaryDirectory(prefix="omp-bundle-") as name:
        folder = Path(name)
        save_policy(policy, folder / CHECKPOINT_FILE)
        observed = ObservedInputs(demonstrations, policy)
        quantization = write_graphs(recipe, policy, observed, folder, interrupt)
        checked = observed.draw(COMPARED_WINDOWS, CHECK_SEED)
        errors = measure_errors(policy, folder, recipe.export.compared, checked)
        events.say(error_table(errors, action_columns(action_section(recipe))))
        for variant, error in errors.items():
            require_tolerance(variant, error, recipe.export.tolerance)
        files = {name: variant_graphs(variant_section(name)) for name in recipe.export.compared}
        tolerance = golden_tolerances(folder, files, checked)
        cases = golden(folder, files, checked[:GOLDEN_CASES], tolerance)
        (folder / GOLDEN_FILE).write_text(json.dumps(cases, allow_nan=False) + "\n")

        quantization["compared_windows"] = COMPARED_WINDOWS
        quantization["tolerance"] = dataclasses.asdict(recipe.export.tolerance)
        quantization["action_error"] = {variant: error.to_dict() for variant, error in errors.items()}
        success = _measure_success(recipe, folder, interrupt)
        training = _training_section(recipe, demonstrations, policy, success)
        unfinished = manifest(recipe, policy, bundle_id or recipe.bundle_id, training, quantization)
        return write_bundle(folder, unfinished, out)


def write_graphs(
    recipe: Recipe, policy: Policy, observed: ObservedInputs, folder: Path, interrupt: Interrupt
) -> dict[str, Any]:
    """Writes the variants that the recipe names; returns the manifest's `quantization` as far as it is known."""
    fp32 = folder / VARIANT_FILES["fp32"]
    export_onnx(policy, fp32)
    if "fp16" in recipe.export.variants:
        write_fp16(fp32, folder / VARIANT_FILES["fp16"])
    if "tau" in recipe.export.variants:
        export_timed_onnx(policy, folder / VARIANT_FILES["tau"])
    if "split" in recipe.export.variants:
        export_split_onnx(policy, folder / ENCODER_FILE, folder / VARIANT_FILES["split"])
    if "int8" not in recipe.export.variants:
        return {"method": None}
    spec = recipe.quantization
    calibration = observed.draw(spec.calibration_count, spec.seed)
    events.log(f"quantizing with {len(calibration)} windows")
    quantizer = Quantizer(fp32, calibration)
    reference = Reference(policy, observed.draw(spec.sweep_count, CHECK_SEED + 1))
    sensitivity = choose_float_layers(quantizer, reference, spec.target_p99, interrupt)
    quantizer.write(folder / VARIANT_FILES["int8"], sensitivity.in_float)
    events.say(sensitivity.table())
    events.log(
        f"99 % of the action values move by at most {sensitivity.error_all_int8:.4f} network units in INT8, "
        f"by {sensitivity.error:.4f} with {len(sensitivity.in_float)} of {len(sensitivity.layers)} layers in float"
    )
    digest = hashlib.sha256()
    for case in calibration:
        for value in case.values():
            digest.update(value.tobytes())
    return {
        "method": METHOD,
        "quantized_ops": list(QUANTIZED_OPS),
        "kept_in_float": sensitivity.in_float,
        "calibration": {"count": len(calibration), "sha256": digest.hexdigest()},
        "sensitivity": sensitivity.to_dict(),
    }


def measure_errors(policy: Policy, folder: Path, variants: list[str], inputs: list[Inputs]) -> dict[str, ActionError]:
    """Difference from PyTorch by variant."""
    reference = Reference(policy, inputs)
    graphs = {name: variant_graphs(variant_section(name)) for name in variants}
    return {name: reference.error(open_graph(folder, files)) for name, files in graphs.items()}


def _read_run(run: Path, data: Path) -> tuple[Recipe, Policy, Demonstrations]:
    for file in (RECIPE_FILE, POLICY_FILE):
        if not (run / file).is_file():
            raise OmpModelsError("CHECKPOINT_INVALID", f"{run / file} does not exist; finish `train --out {run}` first")
    recipe = Recipe.from_file(run / RECIPE_FILE)
    policy = load_policy(run / POLICY_FILE)
    demonstrations = load_demonstrations(data, policy.config)
    stats = {key: value.to_dict() for key, value in demonstrations.stats().items()}
    if stats != {key: value.to_dict() for key, value in policy.stats.items()}:
        raise OmpModelsError("DATASET_INVALID", f"{data} is not the data set that {run} was trained on")
    return recipe, policy, demonstrations


def _measure_success(recipe: Recipe, folder: Path, interrupt: Interrupt) -> dict[str, Any]:
    spec = recipe.evaluation
    if recipe.world is None or spec.episodes == 0:
        return {}
    world = open_world(recipe.world, list(recipe.train.policy.observation_shapes))
    success = {}
    for name in ("torch", *(variant for variant in recipe.export.variants if variant in POLICY_FILES)):
        pilot = open_pilot(folder, name)
        progress = events.Progress(f"evaluate {name}", spec.episodes)
        episodes = []
        for episode in run_episodes(world, pilot, spec.first_seed, spec.episodes):
            episodes.append(episode)
            progress.update(len(episodes))
            interrupt.check()
        success[name] = summarize(episodes)
        events.log(f"{name}: {success[name]['successes']} of {spec.episodes} episodes succeed")
    return success


def _training_section(
    recipe: Recipe, demonstrations: Demonstrations, policy: Policy, success: dict[str, Any]
) -> dict[str, Any]:
    config: TrainConfig = recipe.train
    return {
        "command": recipe.command,
        "objective": config.policy.objective,
        "config": config.to_dict(),
        "seed": config.seed,
        "parameters": sum(parameter.numel() for parameter in policy.network.parameters()),
        "dataset": {
            "sha256": demonstrations.sha256,
            "episodes": demonstrations.episodes,
            "steps": int(demonstrations.episode_ends[-1]),
            "world": recipe.world,
            "first_seed": recipe.demonstrations.first_seed if recipe.world else None,
        },
        "success": success,
        "versions": {
            "python": platform.python_version(),
            "torch": torch.__version__.split("+")[0],
            "onnxruntime": onnxruntime.__version__,
        },
    }


def save_recipe(recipe: Recipe, run: Path) -> None:
    """Puts the recipe next to what is trained by it, for `export_bundle`."""
    run.mkdir(parents=True, exist_ok=True)
    (run / RECIPE_FILE).write_text(recipe.to_json() + "\n")
