"""Writes the bundle of this folder: a policy of two joints as one graph, and as an encoder of one step and a head.

    features = tanh(step W),  action = [features of both steps] V + 0.1 noise

Run with the Python of models/python: `models/python/.venv/bin/python test/vectors/split-policy/make.py`.
"""

import hashlib
import importlib.util
from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent
STEPS, HORIZON, JOINTS, FEATURES = 2, 8, 2, 4
RANDOM = np.random.default_rng(11)
WEIGHTS = {
    "W": RANDOM.normal(size=(JOINTS, FEATURES)).astype(np.float32),
    "V": RANDOM.normal(scale=0.3, size=(STEPS * FEATURES, JOINTS)).astype(np.float32),
    "gain": np.float32(0.1),
    "flat": np.array([1, 1, STEPS * FEATURES], np.int64),
}
FILES = {"whole": "policy.fp32.onnx", "head": "policy.split.onnx", "encoder": "encoder.split.onnx"}
ENCODE = [
    helper.make_node("MatMul", ["observation.state", "W"], ["linear"]),
    helper.make_node("Tanh", ["linear"], ["features"]),
]
ACT = [
    helper.make_node("Reshape", ["features", "flat"], ["row"]),
    helper.make_node("MatMul", ["row", "V"], ["newest"]),
    helper.make_node("Mul", ["noise", "gain"], ["deviation"]),
    helper.make_node("Add", ["deviation", "newest"], ["action"]),
]


def main() -> None:
    """Graphs, golden cases, manifest."""
    noise, action = ("noise", [1, HORIZON, JOINTS]), ("action", [1, HORIZON, JOINTS])
    save("whole", ENCODE + ACT, [("observation.state", [1, STEPS, JOINTS]), noise], action)
    save("head", ACT, [("features", [1, STEPS, FEATURES]), noise], action)
    save("encoder", ENCODE, [("observation.state", [1, JOINTS])], ("features", [1, FEATURES]))
    tiny = tiny_maker()
    tiny.FOLDER = FOLDER
    golden = tiny.golden()
    for case in golden["cases"]:
        case["outputs"]["split"] = case["outputs"]["fp32"]
    golden["tolerance"] = {"fp32": 1e-6, "split": 1e-5}
    tiny.write("golden.json", golden)
    manifest = tiny.manifest()
    manifest["bundle_id"] = "split-policy"
    split = {"name": "split", "file": FILES["head"], "precision": "fp32", "inputs": [], "encoder": FILES["encoder"]}
    manifest["variants"].append(split)
    for name in FILES.values():
        content = (FOLDER / name).read_bytes()
        manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    tiny.write("manifest.json", manifest)


def save(name: str, nodes: list[NodeProto], inputs: list[tuple[str, list[int]]], output: tuple[str, list[int]]) -> None:
    """One graph; the constants that it uses go with it."""
    used = {value for node in nodes for value in node.input}
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(key, TensorProto.FLOAT, shape) for key, shape in inputs],
        [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in WEIGHTS.items() if key in used],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, FOLDER / FILES[name])


def tiny_maker():
    """The program that writes the tiny policy."""
    spec = importlib.util.spec_from_file_location("tiny", FOLDER.parent / "tiny-policy" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    main()
