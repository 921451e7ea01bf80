"""The trained policy as one fixed ONNX graph: observations and noise in physical units in, actions out, batch 1.

Folded into the graph: both normalisers, the sampler, and everything that the horizon and the sampler's times make
constant.
"""

import ast
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .errors import OmpModelsError
from .inputs import NOISE_INPUT, TIME_INPUTS, input_shapes, random_inputs
from .policy import Policy
from .runner import Inputs, OnnxRunner, TorchRunner
from .specialize import FixedTimeSampler, SpecializedNetwork, on_rows

OPSET = 18
ACTION_OUTPUT = "action"
MAX_NORMALIZED_ERROR = 1e-5
"""Allowed difference of the fp32 graph from PyTorch, network units."""


class FoldedPolicy(nn.Module):
    """`Policy` with everything folded that its horizon and the times of its sampler make constant (`specialize`)."""

    def __init__(self, policy: Policy):
        super().__init__()
        self._keys = list(policy.config.observation_shapes)
        self.observation_normalizer, self.encoder = policy.observation_normalizer, on_rows(policy.network.encoder)
        self.sampler = FixedTimeSampler(policy.network, policy.sample, policy.config)
        self.action_normalizer = policy.action_normalizer

    def forward(self, *inputs: Tensor) -> Tensor:
        """Actions [1, H, A] from the observations [1, To, *shape] in order of the keys, then noise [1, H, A]."""
        *observation, noise = inputs
        features = self.encoder(self.observation_normalizer(dict(zip(self._keys, observation, strict=True))))
        return self.action_normalizer.inverse(self.sampler(noise, features))


class TimedPolicy(nn.Module):
    """One step of the average velocity between any two times: `z - (t - r) u(z, r, t | observation)`.

    For t = 1 and r = 0 it is the policy. Other times make a warm start, from an old chunk with some noise, and several
    steps. z is in network units, as noise is; the answer in physical units.
    """

    def __init__(self, policy: Policy):
        super().__init__()
        if not policy.config.embeds_interval:
            raise OmpModelsError(
                "CONFIG_INVALID", f"objective {policy.config.objective} learns no interval; leave the variant tau out"
            )
        self._keys = list(policy.config.observation_shapes)
        self.observation_normalizer, self.encoder = policy.observation_normalizer, on_rows(policy.network.encoder)
        self.network = SpecializedNetwork(policy.network, policy.config.horizon)
        self.action_normalizer = policy.action_normalizer

    def forward(self, *inputs: Tensor) -> Tensor:
        """[1, H, A] from the observations [1, To, *shape] in order of the keys, z [1, H, A], t [1] and r [1]."""
        *observation, z, t, r = inputs
        features = self.encoder(self.observation_normalizer(dict(zip(self._keys, observation, strict=True))))
        step = (t - r)[:, None, None] * self.network(z, r, t, features)
        return self.action_normalizer.inverse(z - step)


def export_onnx(policy: Policy, path: Path) -> None:
    """Writes the fp32 graph. Raises PARITY_FAILED when ONNX Runtime and PyTorch disagree on random inputs."""
    write_graph(FoldedPolicy(policy), input_shapes(policy.config), path)
    check_parity(policy, path, random_inputs(policy, count=16, seed=0))


def export_timed_onnx(policy: Policy, path: Path) -> None:
    """Writes the fp32 graph whose times are inputs. Raises PARITY_FAILED as `export_onnx`, at several times."""
    shapes = {**input_shapes(policy.config), **dict.fromkeys(TIME_INPUTS, (1,))}
    write_graph(TimedPolicy(policy), shapes, path)
    graph, scale = OnnxRunner(path), policy.action_normalizer.scale.numpy()
    intervals = ((1.0, 0.0), (0.85, 0.0), (1.0, 0.5), (0.5, 0.0))
    for case, (t, r) in zip(random_inputs(policy, len(intervals), seed=0), intervals, strict=True):
        times = {"t": np.array([t], np.float32), "r": np.array([r], np.float32)}
        require_parity(path, np.abs((graph.infer({**case, **times}) - step(policy, case, r, t)) * scale).max())


@torch.inference_mode()
def step(policy: Policy, inputs: Inputs, r: float, t: float) -> np.ndarray:
    """What `TimedPolicy` answers, by the policy's own network."""
    observation = {name: torch.from_numpy(value) for name, value in inputs.items()}
    z = observation.pop(NOISE_INPUT)
    features = policy.network.encode(policy.normalize_observation(observation))
    velocity = policy.network(z, torch.full((1,), r), torch.full((1,), t), features)
    return policy.action_normalizer.inverse(z - (t - r) * velocity).numpy()


def write_graph(module: nn.Module, shapes: dict[str, tuple[int, ...]], path: Path, output: str = ACTION_OUTPUT) -> None:
    """Writes `module`, whose inputs have these names and shapes, as one ONNX graph."""
    program = torch.onnx.export(
        module.eval(),
        tuple(torch.rand(shape) for shape in shapes.values()),
        input_names=list(shapes),
        output_names=[output],
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    _name_nodes(model)
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, path)


def check_parity(policy: Policy, path: Path, inputs: list[Inputs]) -> float:
    """Largest difference in network units; raises PARITY_FAILED above MAX_NORMALIZED_ERROR."""
    scale = policy.action_normalizer.scale.numpy()
    reference, graph = TorchRunner(policy), OnnxRunner(path)
    error = max(float(np.abs((graph.infer(case) - reference.infer(case)) * scale).max()) for case in inputs)
    require_parity(path, error)
    return error


def require_parity(path: Path, error: float) -> None:
    """Raises PARITY_FAILED when the graph at `path` is more than MAX_NORMALIZED_ERROR from PyTorch."""
    if not error <= MAX_NORMALIZED_ERROR:
        raise OmpModelsError(
            "PARITY_FAILED", f"{path}: differs from PyTorch by {error:.2e}, at most {MAX_NORMALIZED_ERROR} allowed"
        )


def _name_nodes(model: onnx.ModelProto) -> None:
    """Names every node `module/operation`, after the module of the exported policy that it comes from."""
    for index, node in enumerate(model.graph.node):
        scopes = [entry.value for entry in node.metadata_props if entry.key == "pkg.torch.onnx.name_scopes"]
        modules = ast.literal_eval(scopes[0])[:-1] if scopes else [""]
        node.name = f"{modules[-1]}/{node.op_type}_{index}"


def _strip(model: onnx.ModelProto) -> None:
    """Removes what the exporter knows about the source, and shapes that the quantizer would find stale."""
    del model.graph.value_info[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del value.metadata_props[:]
        value.doc_string = ""
