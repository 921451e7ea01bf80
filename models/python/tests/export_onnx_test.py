"""Every objective's policy exports as one graph with the same inputs and output, equal to PyTorch."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from omp_models.action_error import Reference
from omp_models.bundle import golden_files, variant_section
from omp_models.config import OBJECTIVES, PolicyConfig
from omp_models.errors import OmpModelsError
from omp_models.export_onnx import MAX_NORMALIZED_ERROR, check_parity, export_onnx, export_timed_onnx, step
from omp_models.export_split import export_split_onnx
from omp_models.golden import FP32_TOLERANCE, GOLDEN_FILE, golden, golden_errors, golden_tolerances
from omp_models.inputs import input_shapes, random_inputs
from omp_models.random_policy import random_policy
from omp_models.recipe import ToleranceSpec
from omp_models.runner import OnnxRunner, TorchRunner, open_graph
from omp_models.verify import require_tolerance

STATE = {"observation.state": (6,), "observation.environment_state": (4,)}
CLOUD = {"observation.point_cloud": (32, 3), "observation.state": (5,)}
IMAGE = {"observation.image": (3, 32, 32), "observation.state": (5,)}


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_exports(objective: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Two of dp3's ten equal evaluations: the exporter needs seconds for each.
    monkeypatch.setattr("omp_models.objectives.dp3.SAMPLE_STEPS", 2)
    config = PolicyConfig(horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16,), objective=objective)
    policy = random_policy(config)
    export_onnx(policy, tmp_path / "policy.onnx")
    graph = onnx.load(tmp_path / "policy.onnx").graph
    shapes = {port.name: tuple(dim.dim_value for dim in port.type.tensor_type.shape.dim) for port in graph.input}
    assert shapes == input_shapes(config)
    assert [port.name for port in graph.output] == ["action"]
    assert check_parity(policy, tmp_path / "policy.onnx", random_inputs(policy, 8, seed=9)) <= MAX_NORMALIZED_ERROR
    weights = sum(int(np.prod(tensor.dims)) for tensor in graph.initializer)
    assert weights < sum(parameter.numel() for parameter in policy.network.parameters()), "a weight is there twice"


@pytest.mark.parametrize("shapes", [CLOUD, IMAGE])
def test_every_encoder_exports(shapes: dict[str, tuple[int, ...]], tmp_path: Path) -> None:
    config = PolicyConfig(
        observation_shapes=shapes, horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16, 24), prediction="velocity"
    )
    policy = random_policy(config)
    export_onnx(policy, tmp_path / "policy.onnx")
    graph = onnx.load(tmp_path / "policy.onnx").graph
    assert [port.name for port in graph.input] == [*shapes, "noise"]
    assert all("/" in node.name for node in graph.node)


def test_the_graph_of_free_times_steps_like_the_network(tmp_path: Path) -> None:
    config = PolicyConfig(horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16, 24))
    policy = random_policy(config)
    export_timed_onnx(policy, tmp_path / "tau.onnx")
    graph, scale = OnnxRunner(tmp_path / "tau.onnx"), policy.action_normalizer.scale.numpy()
    for case in random_inputs(policy, 4, seed=11):
        for r, t in ((0.0, 1.0), (0.1, 0.7), (0.3, 0.3)):
            times = {"t": np.array([t], np.float32), "r": np.array([r], np.float32)}
            error = np.abs((graph.infer({**case, **times}) - step(policy, case, r, t)) * scale).max()
            assert error <= MAX_NORMALIZED_ERROR
        whole = {"t": np.ones(1, np.float32), "r": np.zeros(1, np.float32)}
        expected = TorchRunner(policy).infer(case)
        assert np.abs((graph.infer({**case, **whole}) - expected) * scale).max() <= MAX_NORMALIZED_ERROR


def test_free_times_need_an_objective_with_an_interval(tmp_path: Path) -> None:
    config = PolicyConfig(horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16,), objective="dp3")
    with pytest.raises(OmpModelsError, match="dp3 learns no interval"):
        export_timed_onnx(random_policy(config), tmp_path / "tau.onnx")


@pytest.mark.parametrize("shapes", [STATE, CLOUD])
def test_encoder_and_head_are_the_policy(shapes: dict[str, tuple[int, ...]], tmp_path: Path) -> None:
    config = PolicyConfig(observation_shapes=shapes, horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16, 24))
    policy = random_policy(config)
    encoder, head = tmp_path / "encoder.onnx", tmp_path / "head.onnx"
    export_split_onnx(policy, encoder, head)
    encode, act, scale = OnnxRunner(encoder), OnnxRunner(head), policy.action_normalizer.scale.numpy()
    for case in random_inputs(policy, 3, seed=13):
        newer = encode.infer({key: case[key][:, 1] for key in shapes})
        older = encode.infer({key: case[key][:, 0] for key in shapes})
        actions = act.infer({"features": np.stack([older, newer], axis=1), "noise": case["noise"]})
        expected = TorchRunner(policy).infer(case)
        assert np.abs((actions - expected) * scale).max() <= MAX_NORMALIZED_ERROR
    ports = {
        port.name: [d.dim_value for d in port.type.tensor_type.shape.dim] for port in onnx.load(encoder).graph.input
    }
    assert ports == {key: [1, *shape] for key, shape in shapes.items()}


def test_a_split_variant_is_measured_and_has_golden_cases_as_any_other(tmp_path: Path) -> None:
    policy = random_policy(PolicyConfig(horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16,)))
    section = variant_section("split")
    export_split_onnx(policy, tmp_path / section["encoder"], tmp_path / section["file"])
    files = golden_files({"variants": [section]})
    cases = random_inputs(policy, 3, seed=5)
    (tmp_path / GOLDEN_FILE).write_text(
        json.dumps(golden(tmp_path, files, cases, golden_tolerances(tmp_path, files, cases)))
    )
    [(error, allowed)] = golden_errors(tmp_path, files).values()
    assert error <= allowed == FP32_TOLERANCE
    compared = Reference(policy, cases).error(open_graph(tmp_path, files["split"]))
    require_tolerance("split", compared, ToleranceSpec())
    with pytest.raises(OmpModelsError, match="split: the largest difference"):
        require_tolerance("split", compared, ToleranceSpec(fp32_max=0))
