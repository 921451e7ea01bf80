"""INT8 and FP16 graphs: what is quantized, what stays in float, and that both answer like PyTorch."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from omp_models.action_error import ActionError, Reference, error_table
from omp_models.config import PolicyConfig
from omp_models.errors import OmpModelsError
from omp_models.export_onnx import export_onnx
from omp_models.inputs import random_inputs
from omp_models.interrupt import Interrupt
from omp_models.policy import Policy
from omp_models.quantize import Quantizer, choose_float_layers, write_fp16
from omp_models.random_policy import random_policy
from omp_models.recipe import ToleranceSpec
from omp_models.runner import OnnxRunner
from omp_models.verify import require_tolerance


@pytest.fixture(scope="module")
def policy() -> Policy:
    """A small policy with random weights and unequal joint ranges."""
    return random_policy(PolicyConfig(horizon=8, n_action_steps=2, lead_steps=0, down_dims=(16, 24)))


@pytest.fixture(scope="module")
def fp32(policy: Policy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported graph."""
    path = tmp_path_factory.mktemp("graph") / "policy.fp32.onnx"
    export_onnx(policy, path)
    return path


@pytest.fixture(scope="module")
def quantizer(policy: Policy, fp32: Path) -> Quantizer:
    """Calibrated on random inputs."""
    return Quantizer(fp32, random_inputs(policy, count=64, seed=1))


def _int8_weights(path: Path) -> int:
    initializers = onnx.load(path).graph.initializer
    # Zero points are int8 too, one a channel and none a matrix.
    return sum(int(np.prod(t.dims)) for t in initializers if t.data_type == onnx.TensorProto.INT8 and len(t.dims) > 1)


def test_every_layer_with_weights_is_quantized(quantizer: Quantizer, tmp_path: Path) -> None:
    quantizer.write(tmp_path / "int8.onnx")
    assert _int8_weights(tmp_path / "int8.onnx") == sum(quantizer.weights.values())


def test_every_int8_layer_runs_on_an_integer_kernel(tmp_path: Path) -> None:
    shapes = {"observation.point_cloud": (16, 3), "observation.state": (5,)}
    config = PolicyConfig(observation_shapes=shapes, horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16, 24))
    policy = random_policy(config)
    export_onnx(policy, tmp_path / "fp32.onnx")
    quantizer = Quantizer(tmp_path / "fp32.onnx", random_inputs(policy, count=8, seed=1))
    quantizer.write(tmp_path / "int8.onnx")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    onnxruntime.InferenceSession(str(tmp_path / "int8.onnx"), options, providers=["CPUExecutionProvider"])
    ran = [node.op_type for node in onnx.load(tmp_path / "optimized.onnx").graph.node]
    assert ran.count("QGemm") == sum(len(nodes) for nodes in quantizer.layers.values())
    assert not {"Gemm", "MatMul", "DequantizeLinear"} & set(ran)


def test_named_layers_stay_in_float(quantizer: Quantizer, tmp_path: Path) -> None:
    kept = ["encoder.state.0", "sampler.network.trunk.final.1"]
    quantizer.write(tmp_path / "int8.onnx", kept)
    expected = sum(weights for layer, weights in quantizer.weights.items() if layer not in kept)
    assert _int8_weights(tmp_path / "int8.onnx") == expected
    quantizer.write(tmp_path / "float.onnx", quantizer.layers)
    assert _int8_weights(tmp_path / "float.onnx") == 0


def test_int8_answers_like_pytorch_and_not_equal(policy: Policy, quantizer: Quantizer, tmp_path: Path) -> None:
    quantizer.write(tmp_path / "int8.onnx")
    error = Reference(policy, random_inputs(policy, count=64, seed=2)).error(OnnxRunner(tmp_path / "int8.onnx"))
    assert 1e-5 < error.p99_normalized < 0.1


def test_the_sweep_reaches_its_target_with_no_layer_too_many(
    policy: Policy, quantizer: Quantizer, tmp_path: Path
) -> None:
    reference = Reference(policy, random_inputs(policy, count=32, seed=4))
    with Interrupt() as interrupt:
        loose = choose_float_layers(quantizer, reference, target=1.0, interrupt=interrupt)
        target = loose.error_all_int8 / 2
        found = choose_float_layers(quantizer, reference, target, interrupt)
    assert loose.in_float == []
    assert 0 < len(found.in_float) < len(found.layers)
    assert {layer.layer for layer in found.layers} == set(quantizer.layers)

    def error_with(in_float: list[str]) -> float:
        quantizer.write(tmp_path / "int8.onnx", in_float)
        return reference.error(OnnxRunner(tmp_path / "int8.onnx")).p99_normalized

    assert error_with(found.in_float) == found.error <= target
    for layer in found.in_float:
        assert error_with([one for one in found.in_float if one != layer]) > target, f"{layer} need not be in float"


def test_fp16_has_float32_inputs_and_answers_like_pytorch(policy: Policy, fp32: Path, tmp_path: Path) -> None:
    path = tmp_path / "fp16.onnx"
    write_fp16(fp32, path)
    graph = onnx.load(path).graph
    ports = (*graph.input, *graph.output)
    assert {port.type.tensor_type.elem_type for port in ports} == {onnx.TensorProto.FLOAT}
    assert path.stat().st_size < 0.75 * fp32.stat().st_size
    error = Reference(policy, random_inputs(policy, count=32, seed=5)).error(OnnxRunner(path))
    assert 1e-6 < error.p99_normalized < 0.01


def test_a_graph_past_its_tolerance_is_refused_with_both_numbers() -> None:
    error = ActionError(0.2, 0.05, 0.01, [0.3], [0.1], [0.02])
    for variant, observed in (("fp32", "2.00e-01"), ("fp16", "5.00e-02"), ("int8", "5.00e-02")):
        with pytest.raises(OmpModelsError, match=f"{variant}.*{observed}.*allowed") as refusal:
            require_tolerance(variant, error, ToleranceSpec())
        assert refusal.value.code == "PARITY_FAILED"
    require_tolerance("int8", error, ToleranceSpec(int8_p99=0.05))
    nan = ActionError(*[float("nan")] * 3, [], [], [])
    with pytest.raises(OmpModelsError):
        require_tolerance("int8", nan, ToleranceSpec())


def test_the_table_names_joints_units_and_graphs() -> None:
    error = ActionError(0.2, 0.05, 0.01, [0.3, 4.0], [0.1, 3.0], [0.02, 1.0])
    table = error_table({"fp32": error, "int8": error}, [("elbow", "rad"), ("slide", "m")]).splitlines()
    assert len(table) == 4
    assert "fp32" in table[0]
    assert "int8" in table[0]
    assert table[1].split() == ["elbow", "rad", *["1.0e-01", "/", "3.0e-01"] * 2]
    assert table[2].startswith("slide")
    assert "m" in table[2]
