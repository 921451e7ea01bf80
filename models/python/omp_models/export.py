"""From a finished run to a bundle: export, quantize, compare, evaluate, describe."""

import hashlib
import json
import platform
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch

from . import events
from .bundle import CHECKPOINT_FILE, GOLDEN_FILE, VARIANT_FILES, golden, manifest, write_bundle
from .config import TrainConfig
from .dataset import Demonstrations, load_demonstrations
from .errors import OmpModelsError
from .evaluate import POLICY_FILES, open_runner, run_episodes, summarize
from .export_onnx import export_onnx
from .interrupt import Interrupt
from .policy import Policy, load_policy, save_policy
from .quantize import METHOD, QUANTIZED_OPS, kept_in_float, quantize
from .recipe import Recipe
from .runner import Inputs, OnnxRunner
from .train import POLICY_FILE
from .verify import ActionError, compare, observed_inputs, require_parity

RECIPE_FILE = "recipe.json"
COMPARED_WINDOWS = 256
GOLDEN_CASES = 4
FP32_TOLERANCE = 1e-4
"""Physical units; other processors sum in another order, which moves an output by about 1e-6."""
INT8_TOLERANCE_FACTOR = 3.0
MIN_INT8_TOLERANCE = 0.005


def export_bundle(run: Path, data: Path, out: Path, bundle_id: str | None, interrupt: Interrupt) -> dict[str, Any]:
    """Writes the bundle of a finished run to `out` and returns its manifest.

    `data` must be the data set of the run; its windows set the quantizer's ranges. Where the recipe names a world,
    PyTorch, fp32 and int8 drive the same episodes and the successes go into the manifest.
    """
    recipe, policy, demonstrations = _read_run(run, data)
    with tempfile.TemporaryDirectory(prefix="omp-bundle-") as name:
        folder = Path(name)
        fp32, int8 = folder / VARIANT_FILES["fp32"], folder / VARIANT_FILES["int8"]
        save_policy(policy, folder / CHECKPOINT_FILE)
        export_onnx(policy, fp32)
        spec = recipe.quantization
        calibration = observed_inputs(demonstrations, policy, spec.calibration_count, spec.seed)
        events.log(f"quantizing with {len(calibration)} windows")
        quantize(fp32, int8, calibration)

        checked = observed_inputs(demonstrations, policy, COMPARED_WINDOWS)
        errors = {name: compare(policy, OnnxRunner(folder / file), checked) for name, file in VARIANT_FILES.items()}
        require_parity(errors["fp32"], VARIANT_FILES["fp32"])
        for name, error in errors.items():
            events.log(f"{name}: {error.max_normalized:.2e} network units from PyTorch at most")
        cases = checked[:GOLDEN_CASES]
        tolerance = {"int8": _int8_tolerance(int8, checked), "fp32": FP32_TOLERANCE}
        (folder / GOLDEN_FILE).write_text(json.dumps(golden(folder, cases, tolerance), allow_nan=False) + "\n")

        success = _measure_success(recipe, folder, interrupt)
        training = _training_section(recipe, demonstrations, policy, success)
        quantization = _quantization_section(fp32, calibration, errors)
        unfinished = manifest(recipe, policy, bundle_id or recipe.bundle_id, training, quantization)
        return write_bundle(folder, unfinished, out)


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


def _int8_tolerance(int8: Path, inputs: list[Inputs]) -> float:
    """Three times the largest difference between ORT's integer kernels and the same graph computed in floats.

    Both are legitimate ways to run it; another processor's kernels lie between them or close by.
    """
    integers, floats = OnnxRunner(int8), OnnxRunner(int8, optimize=False)
    difference = max(float(np.abs(integers.infer(case) - floats.infer(case)).max()) for case in inputs)
    return max(MIN_INT8_TOLERANCE, float(f"{INT8_TOLERANCE_FACTOR * difference:.1e}"))


def _measure_success(recipe: Recipe, folder: Path, interrupt: Interrupt) -> dict[str, Any]:
    if recipe.world is None:
        return {}
    spec = recipe.evaluation
    success = {}
    for name in POLICY_FILES:
        runner, config = open_runner(folder, name)
        progress = events.Progress(f"evaluate {name}", spec.episodes)
        episodes = []
        for episode in run_episodes(runner, config, spec.first_seed, spec.episodes):
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


def _quantization_section(fp32: Path, calibration: list[Inputs], errors: dict[str, ActionError]) -> dict[str, Any]:
    digest = hashlib.sha256()
    for case in calibration:
        for value in case.values():
            digest.update(value.tobytes())
    return {
        "method": METHOD,
        "quantized_ops": list(QUANTIZED_OPS),
        "kept_in_float": kept_in_float(onnx.load(fp32).graph),
        "calibration": {"count": len(calibration), "sha256": digest.hexdigest()},
        "compared_windows": COMPARED_WINDOWS,
        "action_error": {name: error.to_dict() for name, error in errors.items()},
    }


def save_recipe(recipe: Recipe, run: Path) -> None:
    """Puts the recipe next to what is trained by it, for `export_bundle`."""
    run.mkdir(parents=True, exist_ok=True)
    (run / RECIPE_FILE).write_text(recipe.to_json() + "\n")
