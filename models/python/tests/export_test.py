"""From PyTorch to ONNX to INT8: each step against the one before it."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from omp_models.action_error import ActionError, Reference
from omp_models.config import PolicyConfig
from omp_models.dataset import load_demonstrations
from omp_models.errors import OmpModelsError
from omp_models.export_onnx import check_parity, export_onnx, input_shapes
from omp_models.golden import GOLDEN_FILE, golden, golden_errors, golden_tolerances
from omp_models.inputs import ObservedInputs, random_inputs
from omp_models.normalize import MinMaxStats
from omp_models.policy import Policy
from omp_models.quantize import QUANTIZED_OPS, Quantizer, write_fp16
from omp_models.recipe import ToleranceSpec
from omp_models.runner import Inputs, OnnxRunner
from omp_models.verify import require_tolerance

VARIANT_FILES = {name: f"policy.{name}.onnx" for name in ("int8", "fp32", "fp16")}
KEPT_IN_FLOAT = ("encoder.state.0", "sampler.network.trunk.final.1")


def compare(policy: Policy, graph: OnnxRunner, inputs: list[Inputs]) -> ActionError:
    """Difference of `graph` from PyTorch."""
    return Reference(policy, inputs).error(graph)


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
    """All graphs and their golden outputs."""
    folder = tmp_path_factory.mktemp("export")
    fp32 = folder / VARIANT_FILES["fp32"]
    export_onnx(policy, fp32)
    Quantizer(fp32, calibration).write(folder / VARIANT_FILES["int8"], KEPT_IN_FLOAT)
    write_fp16(fp32, folder / VARIANT_FILES["fp16"])
    cases = random_inputs(policy, 2, seed=3)
    tolerance = dict.fromkeys(VARIANT_FILES, 5e-3) | {"fp32": 1e-4}
    (folder / GOLDEN_FILE).write_text(json.dumps(golden(folder, VARIANT_FILES, cases, tolerance)))
    return folder


def test_the_fp32_graph_is_pytorch_s_equal(policy: Policy, folder: Path) -> None:
    inputs = random_inputs(policy, 50, seed=99)
    assert check_parity(policy, folder / VARIANT_FILES["fp32"], inputs) <= 1e-5
    error = compare(policy, OnnxRunner(folder / VARIANT_FILES["fp32"]), inputs)
    assert error.max_normalized <= 1e-5
    require_tolerance("fp32", error, ToleranceSpec())


def test_another_policy_s_graph_is_refused(policy_config: PolicyConfig, folder: Path) -> None:
    other = untrained(policy_config, 1)
    path = folder / VARIANT_FILES["fp32"]
    with pytest.raises(OmpModelsError, match="differs from PyTorch") as raised:
        check_parity(other, path, random_inputs(other, 4, seed=0))
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
    graph = onnx.load(folder / VARIANT_FILES["int8"]).graph
    nodes = {node.name: node for node in graph.node if node.op_type in QUANTIZED_OPS}
    assert len(nodes) > 10
    for name, node in nodes.items():
        is_kept = name.startswith(tuple(f"{layer}." for layer in KEPT_IN_FLOAT))
        assert dequantized(graph, node) == ([False, False] if is_kept else [True, True]), name


def test_the_int8_graph_is_near_the_fp32_one_and_not_it(policy: Policy, folder: Path) -> None:
    error = compare(policy, OnnxRunner(folder / VARIANT_FILES["int8"]), random_inputs(policy, 50, seed=98))
    assert 1e-4 < error.mean_normalized < 0.05
    assert len(error.max_by_joint) == 2
    scales = policy.action_normalizer.scale.tolist()
    assert error.max_normalized == pytest.approx(
        max(physical * scale for physical, scale in zip(error.max_by_joint, scales, strict=True)), rel=1e-4
    )


def test_draws_are_real_windows_with_noise_of_their_own_and_share_none(
    dataset: Path, arrays: dict[str, np.ndarray], policy_config: PolicyConfig
) -> None:
    demonstrations = load_demonstrations(dataset, policy_config)
    policy = Policy(policy_config, demonstrations.stats())
    observed = ObservedInputs(demonstrations, policy)
    first, second = observed.draw(8, noise_seed=0), observed.draw(8, noise_seed=1)
    rows = {row.tobytes() for row in arrays["observation.state"]}
    assert all(step.tobytes() in rows for case in first for step in case["observation.state"][0])
    windows = [case["observation.state"].tobytes() for case in (*first, *second)]
    # A window may look like another one where an episode's first step is repeated, but no draw repeats a window.
    assert len(set(windows)) >= len(windows) - 2
    assert len({case["noise"].tobytes() for case in (*first, *second)}) == 16
    again = ObservedInputs(demonstrations, policy).draw(8, noise_seed=0)
    assert all(np.array_equal(a[key], b[key]) for a, b in zip(first, again, strict=True) for key in a)
    assert len(observed.draw(100, noise_seed=0)) == 100


def changed(path: Path, factor: float) -> bytes:
    """The graph at `path` with its largest float weight multiplied by `factor`."""
    model = onnx.load(path)
    floats = [one for one in model.graph.initializer if one.data_type == onnx.TensorProto.FLOAT]
    largest = max(floats, key=lambda one: numpy_helper.to_array(one).size)
    largest.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(largest) * np.float32(factor), largest.name))
    return model.SerializeToString()


def test_a_tolerance_covers_both_ways_to_run_a_graph(policy: Policy, folder: Path) -> None:
    inputs = random_inputs(policy, 20, seed=5)
    tolerance = golden_tolerances(folder, VARIANT_FILES, inputs)
    assert tolerance["fp32"] == 1e-4
    integers = OnnxRunner(folder / VARIANT_FILES["int8"])
    floats = OnnxRunner(folder / VARIANT_FILES["int8"], optimize=False)
    largest = max(np.abs(integers.infer(case) - floats.infer(case)).max() for case in inputs)
    assert max(5e-3, largest) <= tolerance["int8"]
    assert tolerance["int8"] < 0.1 * np.ptp(np.concatenate([integers.infer(case) for case in inputs]))


@pytest.mark.parametrize("name", ["fp32", "int8"])
def test_golden_outputs_tell_a_changed_graph(folder: Path, name: str) -> None:
    path = folder / VARIANT_FILES[name]
    assert all(error <= 1e-5 for error, _ in golden_errors(folder, VARIANT_FILES).values())
    original = path.read_bytes()
    try:
        path.write_bytes(changed(path, 1.1))
        errors = golden_errors(folder, VARIANT_FILES)
        error, allowed = errors.pop(name)
        assert error > allowed
        assert all(error <= 1e-5 for error, _ in errors.values())
        path.write_bytes(changed(path, np.nan))
        error, allowed = golden_errors(folder, VARIANT_FILES)[name]
        assert not error <= allowed
    finally:
        path.write_bytes(original)


def test_golden_numbers_read_back_equal(folder: Path) -> None:
    for case in json.loads((folder / GOLDEN_FILE).read_text())["cases"]:
        inputs = {key: np.array(one["data"], np.float32).reshape(one["shape"]) for key, one in case["inputs"].items()}
        for name, file in VARIANT_FILES.items():
            np.testing.assert_array_equal(
                OnnxRunner(folder / file).infer(inputs).ravel(), np.array(case["outputs"][name], np.float32)
            )
