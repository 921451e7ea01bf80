"""Golden cases: inputs of a bundle's graphs and what they answered where the bundle was made.

A device repeats them before it moves, so a tolerance must allow every correct processor and nothing else. Processors
differ in the last bits of float kernels: the order of sums, `exp`. In the fp32 graph that stays a difference of about
1e-6. In the INT8 graph it now and then flips the rounding of an activation, and one step of a quantizer is large. How
large the outcome is, is measured: the same graph is run once with ONNX Runtime's fused integer kernels and once node by
node in floats, which differ in last bits exactly so. Wrong kernels are off by the size of the actions themselves.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np

from .runner import GraphFiles, Inputs, open_graph

GOLDEN_FILE = "golden.json"
FP32_TOLERANCE = 1e-4
"""Physical units."""
TOLERANCE_FACTOR = 3.0
"""Between the largest difference seen here and the largest one allowed elsewhere."""
MIN_TOLERANCE = 0.005
"""Physical units, of INT8 and FP16."""


def golden(
    folder: Path, files: dict[str, GraphFiles], cases: list[Inputs], tolerance: dict[str, float]
) -> dict[str, Any]:
    """What the graphs in `folder`, named by variant, answer to `cases`, in physical units."""
    runners = {name: open_graph(folder, file) for name, file in files.items()}
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


def golden_tolerances(folder: Path, files: dict[str, GraphFiles], inputs: list[Inputs]) -> dict[str, float]:
    """Allowed difference from the golden outputs by variant, physical units; `inputs` are what it is measured on.

    INT8 against itself in floats. FP16 against fp32, since a processor with float16 arithmetic rounds where this one
    converts to float32.
    """
    tolerance = {}
    for name, file in files.items():
        if name in ("fp32", "split"):
            tolerance[name] = FP32_TOLERANCE
            continue
        one = open_graph(folder, file)
        other = open_graph(folder, files["fp32"]) if name == "fp16" else open_graph(folder, file, optimize=False)
        difference = max(float(np.abs(one.infer(case) - other.infer(case)).max()) for case in inputs)
        tolerance[name] = max(MIN_TOLERANCE, float(f"{TOLERANCE_FACTOR * difference:.1e}"))
    return tolerance


def golden_errors(folder: Path, files: dict[str, GraphFiles]) -> dict[str, tuple[float, float]]:
    """By variant, the largest difference from its golden outputs and the allowed one, physical units.

    The difference is NaN when an answer holds one.
    """
    content = json.loads((folder / GOLDEN_FILE).read_text())
    errors = {}
    for name, file in files.items():
        runner = open_graph(folder, file)
        differences = []
        for case in content["cases"]:
            inputs = {
                key: np.asarray(value["data"], np.float32).reshape(value["shape"])
                for key, value in case["inputs"].items()
            }
            differences.append(np.abs(runner.infer(inputs).ravel() - np.asarray(case["outputs"][name])).max())
        errors[name] = (float(np.max(differences)), content["tolerance"][name])
    return errors


def _numbers(values: np.ndarray) -> list[float]:
    """Float32 values as the shortest decimals that read back equal."""
    return [float(np.format_float_positional(value, unique=True, trim="0")) for value in values.ravel()]
