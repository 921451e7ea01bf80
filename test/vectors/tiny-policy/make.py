"""Writes the tiny bundle of this folder: `action = newest observation + 0.1 * noise`, two joints, one graph of 3 nodes.

Run with the Python of models/python: `models/python/.venv/bin/python test/vectors/tiny-policy/make.py`.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent
STEPS, HORIZON, JOINTS, DT_MS = 2, 8, 2, 50


def main() -> None:
    """Model, golden cases, manifest."""
    constants = {"first": [STEPS - 1], "end": [STEPS], "axis": [1]}
    graph = helper.make_graph(
        [
            helper.make_node("Slice", ["observation.state", "first", "end", "axis"], ["newest"]),
            helper.make_node("Mul", ["noise", "gain"], ["deviation"]),
            helper.make_node("Add", ["deviation", "newest"], ["action"]),
        ],
        "tiny",
        [
            helper.make_tensor_value_info("observation.state", TensorProto.FLOAT, [1, STEPS, JOINTS]),
            helper.make_tensor_value_info("noise", TensorProto.FLOAT, [1, HORIZON, JOINTS]),
        ],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, HORIZON, JOINTS])],
        [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()]
        + [numpy_helper.from_array(np.float32(0.1), "gain")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, FOLDER / "policy.fp32.onnx")
    write("golden.json", golden())
    write("manifest.json", manifest())


def golden() -> dict:
    """Two cases as ONNX Runtime answers them."""
    session = onnxruntime.InferenceSession(FOLDER / "policy.fp32.onnx")
    random = np.random.default_rng(7)
    cases = []
    for _ in range(2):
        inputs = {
            "observation.state": random.uniform(-1, 1, (1, STEPS, JOINTS)).astype(np.float32),
            "noise": random.standard_normal((1, HORIZON, JOINTS), np.float32),
        }
        output = session.run(None, inputs)[0]
        described = {name: {"shape": list(v.shape), "data": v.ravel().tolist()} for name, v in inputs.items()}
        cases.append({"inputs": described, "outputs": {"fp32": output.ravel().tolist()}})
    return {"tolerance": {"fp32": 1e-6}, "cases": cases}


def manifest() -> dict:
    """As models/MANIFEST.md says."""
    joint = {
        "kind": "revolute",
        "unit": "rad",
        "min_position": -1.5,
        "max_position": 1.5,
        "max_velocity": 3.0,
        "max_acceleration": 20.0,
    }
    joints = [{"name": name, **joint} for name in ("shoulder", "elbow")]
    stats = {"min": [-1.5, -1.5], "max": [1.5, 1.5]}
    return {
        "manifest_version": 1,
        "bundle_id": "tiny-policy",
        "bundle_version": "1.0.0",
        "created_at": "2026-11-23T00:00:00Z",
        "policy": {
            "kind": "omp",
            "objective": "omp",
            "nfe": 1,
            "n_obs_steps": STEPS,
            "horizon": HORIZON,
            "n_action_steps": 4,
            "action_start_index": 1,
            "lead_steps": 1,
            "dt_ms": DT_MS,
        },
        "observations": [
            {
                "key": "observation.state",
                "shape": [JOINTS],
                "dtype": "float32",
                "unit": "rad",
                "names": ["shoulder", "elbow"],
                "rate_hz": 100,
                "max_age_ms": 100,
            }
        ],
        "action": {"key": "action", "kind": "joint_position", "dtype": "float32", "joints": joints},
        "noise": {
            "input": "noise",
            "shape": [HORIZON, JOINTS],
            "distribution": "standard_normal",
            "mode": "seeded",
            "generator": "mulberry32_box_muller",
        },
        "normalization": {
            "mode": "min_max",
            "folded": True,
            "stats": {"observation.state": stats, "action": stats},
        },
        "variants": [{"name": "fp32", "file": "policy.fp32.onnx", "precision": "fp32", "inputs": []}],
        "default_variant": "fp32",
        "golden": {"file": "golden.json"},
        "training": {},
        "quantization": {},
        "files": {
            name: {
                "sha256": hashlib.sha256((FOLDER / name).read_bytes()).hexdigest(),
                "bytes": (FOLDER / name).stat().st_size,
            }
            for name in ("policy.fp32.onnx", "golden.json")
        },
    }


def write(name: str, value: dict) -> None:
    """JSON with a newline at the end."""
    (FOLDER / name).write_text(json.dumps(value, indent=2) + "\n")


if __name__ == "__main__":
    main()
