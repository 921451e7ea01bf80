"""A bundle of a published network with random weights, and the graphs that it is measured against.

Latency does not depend on what the weights are, so nothing has to be trained. Beside the bundle lie

    plain.onnx: the same policy as PyTorch exports it, nothing folded, fp32;
    ddim10.onnx: the same network sampled in 10 DDIM steps, as DP3 is, exported the same way;
    ddim10.folded.onnx: the same with everything folded and specialized as in the bundle.

`python -m omp_models.random_bundle --help`.
"""

import argparse
import gc
import json
import sys
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from .bench_graph import CALIBRATION_COUNT, NETWORKS, PlainPolicy
from .bundle import CHECKPOINT_FILE, VARIANT_FILES, manifest, write_bundle
from .config import PolicyConfig, TrainConfig
from .export_onnx import export_onnx, write_graph
from .golden import GOLDEN_FILE, golden, golden_tolerances
from .inputs import input_shapes, random_inputs
from .policy import Policy, save_policy
from .quantize import METHOD, Quantizer
from .random_policy import random_policy
from .recipe import ExportSpec, ObservationSpec, Recipe

GOLDEN_CASES = 4
LIMITS = {"min_position": -10.0, "max_position": 10.0, "max_velocity": 100.0, "max_acceleration": 1000.0}
VARIANTS = ("int8", "fp32")
GRAPHS = ("plain", "ddim10", "ddim10.folded")


def write_random_bundle(network: str, out: Path, graphs: Collection[str] = GRAPHS) -> dict[str, Any]:
    """Writes `out/bundle` and, of the graphs beside it, those named; returns the manifest."""
    config = NETWORKS[network]
    policy = random_policy(config)
    found = _write_bundle(network, policy, out / "bundle")
    if "plain" in graphs:
        _write_plain(policy, out / "plain.onnx")
    del policy
    gc.collect()
    diffusion = random_policy(replace(config, objective="dp3", prediction="actions"))
    if "ddim10" in graphs:
        _write_plain(diffusion, out / "ddim10.onnx")
    if "ddim10.folded" in graphs:
        export_onnx(diffusion, out / "ddim10.folded.onnx")
    return found


def random_recipe(bundle_id: str, config: PolicyConfig) -> Recipe:
    """The recipe of an arm whose joints and sensors fit `config`."""
    joints = [{"name": f"joint_{i}", "kind": "revolute", **LIMITS} for i in range(config.action_dim)]
    observations = [ObservationSpec(key, "1", [], 20, 1000) for key in config.observation_shapes]
    return Recipe(
        bundle_id=bundle_id,
        bundle_version="0.0.0",
        command=f"python -m omp_models.random_bundle --network {bundle_id.removeprefix('random-')}",
        observations=observations,
        joints=joints,
        train=TrainConfig(policy=config),
        export=ExportSpec(variants=VARIANTS),
    )


def _write_bundle(network: str, policy: Policy, out: Path) -> dict[str, Any]:
    recipe = random_recipe(f"random-{network}", policy.config)
    files = {name: VARIANT_FILES[name] for name in recipe.export.compared}
    with tempfile.TemporaryDirectory(prefix="omp-random-") as name:
        folder = Path(name)
        export_onnx(policy, folder / files["fp32"])
        inputs = random_inputs(policy, CALIBRATION_COUNT, seed=3)
        Quantizer(folder / files["fp32"], inputs).write(folder / files["int8"])
        tolerance = golden_tolerances(folder, files, inputs)
        cases = golden(folder, files, inputs[:GOLDEN_CASES], tolerance)
        (folder / GOLDEN_FILE).write_text(json.dumps(cases, allow_nan=False) + "\n")
        save_policy(policy, folder / CHECKPOINT_FILE)
        training = {"command": recipe.command, "weights": "random"}
        unfinished = manifest(recipe, policy, recipe.bundle_id, training, {"method": METHOD})
        return write_bundle(folder, unfinished, out)


def _write_plain(policy: Policy, path: Path) -> None:
    write_graph(PlainPolicy(policy), input_shapes(policy.config), path)


def main(argv: list[str] | None = None) -> int:
    """Prints id and size of the bundle as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m omp_models.random_bundle", description=__doc__.split("\n")[0])
    parser.add_argument("--network", choices=sorted(NETWORKS), default="small")
    parser.add_argument("--out", type=Path, required=True, help="folder for the bundle and the graphs")
    parser.add_argument("--graphs", nargs="*", choices=GRAPHS, default=GRAPHS, help="graphs beside the bundle")
    arguments = parser.parse_args(argv)
    arguments.out.mkdir(parents=True, exist_ok=True)
    found = write_random_bundle(arguments.network, arguments.out, arguments.graphs)
    bytes_ = sum(file["bytes"] for file in found["files"].values())
    print(json.dumps({"bundle_id": found["bundle_id"], "bytes": bytes_}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
