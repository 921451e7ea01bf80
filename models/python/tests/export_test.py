"""From PyTorch to ONNX to INT8: each step against the one before it."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from omp_models.bundle import GOLDEN_FILE, VARIANT_FILES, golden, golden_errors
from omp_models.config import PolicyConfig
from omp_models.errors import OmpModelsError
from omp_models.export_onnx import check_parity, export_onnx, input_shapes, random_inputs
from omp_models.normalize import MinMaxStats
from omp_models.policy import Policy
from omp_models.quantize import QUANTIZED_OPS, calibration_inputs, kept_in_float, quantize
from omp_models.runner import Inputs, OnnxRunner
from omp_models.verify import compare, require_parity


def untrained(config: PolicyConfig, seed: int) -> Policy:
    """Ranges that differ from value to value, one of them empty."""
    torch.manual_seed(seed)
    stats = {
        "observation.state": MinMaxStats(np.array([-2, 0], np.float32), np.array([1, 5], np.float32)),
        "observation.environment_state": MinMaxStats(np.array([0.3], np.float32), np.array([0.3], np.float32)),
        "action": MinMaxStats(np.array([-1, 10], np.float32), np.array([0.5, 30], np.float32)),
    }
    return Policy(config, stats).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def policy(policy_config: PolicyConfig) -> Policy:
    """What is exported."""
    return untrained(policy_config, 0)


@pytest.fixture(scope="module")
def calibration(policy: Policy) -> list[Inputs]:
    """64 observations within their ranges."""
    return random_inputs(policy, 64, seed=7)


@pytest.fixture(scope="module")
def folder(policy: Policy, calibration: list[Inputs], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both graphs and their golden outputs."""
    folder = tmp_path_factory.mktemp("export")
    fp32, int8 = (folder / VARIANT_FILES[name] for name in ("fp32", "int8"))
    export_onnx(policy, fp32)
    quantize(fp32, int8, calibration)
    cases = random_inputs(policy, 2, seed=3)
    (folder / GOLDEN_FILE).write_text(json.dumps(golden(folder, cases, {"fp32": 1e-4, "int8": 5e-3})))
    return folder


def test_the_fp32_graph_is_pytorch_s_equal(policy: Policy, folder: Path) -> None:
    inputs = random_inputs(policy, 50, seed=99)
    assert check_parity(policy, folder / VARIANT_FILES["fp32"], inputs) <= 1e-5
    error = compare(policy, OnnxRunner(folder / VARIANT_FILES["fp32"]), inputs)
    assert error.max_normalized <= 1e-5
    require_parity(error, "fp32")


def test_another_policy_s_graph_is_refused(policy_config: PolicyConfig, folder: Path) -> None:
    other = untrained(policy_config, 1)
    path = folder / VARIANT_FILES["fp32"]
    with pytest.raises(OmpModelsError, match="differs from PyTorch") as raised:
        check_parity(other, path, random_inputs(other, 4, seed=0))
    assert raised.value.code == "PARITY_FAILED"
    with pytest.raises(OmpModelsError, match=r"the graph differs from PyTorch") as raised:
        require_parity(compare(other, OnnxRunner(path), random_inputs(other, 4, seed=0)), "the graph")
    assert raised.value.code == "PARITY_FAILED"


def test_the_graph_has_the_inputs_of_the_policy_and_says_nothing_of_its_source(policy: Policy, folder: Path) -> None:
    for file in VARIANT_FILES.values():
        model = onnx.load(folder / file)
        shapes = {one.name: tuple(dim.dim_value for dim in one.type.tensor_type.shape.dim) for one in model.graph.input}
        assert list(shapes.items()) == list(input_shapes(policy.config).items())
        assert [one.name for one in model.graph.output] == ["action"]
        content = (folder / file).read_bytes()
        for trace in (b"site-packages", b".py", b"stack_trace", str(Path.cwd()).encode()):
            assert trace not in content


def dequantized(graph: onnx.GraphProto, node: onnx.NodeProto) -> list[bool]:
    """Which of data and weight of `node` come out of a dequantizer."""
    makers = {output: maker.op_type for maker in graph.node for output in maker.output}
    return [makers.get(name) == "DequantizeLinear" for name in node.input[:2]]


def test_the_int8_graph_keeps_the_named_layers_in_float_and_no_other(folder: Path) -> None:
    named = kept_in_float(onnx.load(folder / VARIANT_FILES["fp32"]).graph)
    graph = onnx.load(folder / VARIANT_FILES["int8"]).graph
    nodes = {node.name: node for node in graph.node if node.op_type in QUANTIZED_OPS}
    assert len(set(named)) == 4
    assert set(named) <= nodes.keys()
    assert len(nodes) > 10
    for name, node in nodes.items():
        assert dequantized(graph, node) == ([False, False] if name in named else [True, True]), name


def test_the_layers_kept_in_float_are_those_at_the_edge_of_the_graph(policy: Policy, folder: Path) -> None:
    graph = onnx.load(folder / VARIANT_FILES["fp32"]).graph
    weights = {one.name: numpy_helper.to_array(one) for one in graph.initializer}
    nodes = {node.name: node for node in graph.node}
    encoder, first, residual, last = (weights[nodes[name].input[1]] for name in kept_in_float(graph))
    trunk = policy.network.trunk
    np.testing.assert_array_equal(encoder.T, policy.network.encoder[0].weight)
    np.testing.assert_array_equal(first, trunk.down[0][0].first[0].weight)
    np.testing.assert_array_equal(residual, trunk.down[0][0].residual.weight)
    np.testing.assert_array_equal(last, trunk.final[-1].weight)


def test_the_int8_graph_is_near_the_fp32_one_and_not_it(policy: Policy, folder: Path) -> None:
    error = compare(policy, OnnxRunner(folder / VARIANT_FILES["int8"]), random_inputs(policy, 50, seed=98))
    assert 1e-4 < error.mean_normalized < 0.05
    assert len(error.max_by_joint) == 2
    scales = policy.action_normalizer.scale.tolist()
    assert error.max_normalized == pytest.approx(
        max(physical * scale for physical, scale in zip(error.max_by_joint, scales, strict=True)), rel=1e-4
    )


def test_calibration_draws_real_windows_with_noise_of_their_own(policy: Policy) -> None:
    state = np.arange(20, dtype=np.float32).reshape(5, 2, 2)
    observations = {"observation.state": state, "observation.environment_state": state[:, :, :1]}
    cases = calibration_inputs(policy, observations, 5, seed=0)
    assert sorted(case["observation.state"][0, 0, 0] for case in cases) == [0, 4, 8, 12, 16]
    for case in cases:
        np.testing.assert_array_equal(case["observation.state"][..., :1], case["observation.environment_state"])
    assert len({case["noise"].tobytes() for case in cases}) == 5
    again = calibration_inputs(policy, observations, 5, seed=0)
    assert all(np.array_equal(a["noise"], b["noise"]) for a, b in zip(cases, again, strict=True))
    assert len(calibration_inputs(policy, observations, 12, seed=0)) == 12


def changed(path: Path, factor: float) -> bytes:
    """The graph at `path` with its largest float weight multiplied by `factor`."""
    model = onnx.load(path)
    floats = [one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT]
    largest = max(floats, key=lambda one: numpy_helper.to_array(one).size)
    largest.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(largest) * np.float32(factor), largest.name))
    return model.SerializeToString()


@pytest.mark.parametrize("name", ["fp32", "int8"])
def test_golden_outputs_tell_a_changed_graph(folder: Path, name: str) -> None:
    tolerance = {"fp32": 1e-4, "int8": 5e-3}
    path = folder / VARIANT_FILES[name]
    assert all(error <= 1e-5 for error in golden_errors(folder).values())
    original = path.read_bytes()
    try:
        path.write_bytes(changed(path, 1.1))
        errors = golden_errors(folder)
        assert errors[name] > tolerance[name]
        assert all(error <= 1e-5 for other, error in errors.items() if other != name)
        path.write_bytes(changed(path, np.nan))
        assert not golden_errors(folder)[name] <= tolerance[name]
    finally:
        path.write_bytes(original)


def test_golden_numbers_read_back_equal(folder: Path) -> None:
    for case in json.loads((folder / GOLDEN_FILE).read_text())["cases"]:
        inputs = {key: np.array(one["data"], np.float32).reshape(one["shape"]) for key, one in case["inputs"].items()}
        for name, file in VARIANT_FILES.items():
            np.testing.assert_array_equal(
                OnnxRunner(folder / file).infer(inputs).ravel(), np.array(case["outputs"][name], np.float32)
            )
