"""The trained policy as one fixed ONNX graph: observations and noise in physical units in, actions out, batch 1.

Folded into the graph: both normalisers and everything that t = 1 and r = 0 make constant; there `e - u(e, r, t)` is the
output of the network's trunk.
"""

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from .config import PolicyConfig
from .errors import OmpModelsError
from .policy import Policy
from .runner import Inputs, OnnxRunner, TorchRunner

OPSET = 18
NOISE_INPUT = "noise"
ACTION_OUTPUT = "action"
MAX_NORMALIZED_ERROR = 1e-5
"""Allowed difference of the fp32 graph from PyTorch, network units."""


class SigmoidMish(nn.Module):
    """Mish as `x (1 - q^2) / (1 + q^2)`, `q = sigmoid(-x)`: equal, and 4 times faster where Mish has no kernel."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise."""
        q_squared = torch.sigmoid(-x).square()
        return x * (1 - q_squared) / (1 + q_squared)


class FoldedPolicy(nn.Module):
    """`Policy` for t = 1, r = 0: time embeddings become part of the FiLM biases, all FiLM layers one matrix product."""

    def __init__(self, policy: Policy):
        super().__init__()
        network = copy.deepcopy(policy.network)
        embedding_dim = policy.config.time_embedding_dim
        with torch.no_grad():
            constant = network.conditioning(network.embed(t=torch.ones(1), r=torch.zeros(1)))[0]
            films = [block.film for block in network.trunk.blocks()]
            weight = torch.cat([film.weight[:, embedding_dim:] for film in films])
            bias = torch.cat([film.bias + film.weight[:, :embedding_dim] @ constant for film in films])
        self._keys = list(policy.config.observation_shapes)
        self.film_dims = [film.out_features for film in films]
        self.film = nn.Linear(weight.shape[1], weight.shape[0])
        self.film.weight, self.film.bias = nn.Parameter(weight), nn.Parameter(bias)
        for block in network.trunk.blocks():
            del block.film
        _replace_mish(network.trunk)
        self.conditioning = SigmoidMish()
        self.encoder, self.trunk = network.encoder, network.trunk
        self.observation_normalizer = policy.observation_normalizer
        self.action_normalizer = policy.action_normalizer

    def forward(self, *inputs: Tensor) -> Tensor:
        """Actions [1, H, A] from the observations [1, To, *shape] in order of the keys, then noise [1, H, A]."""
        *observation, noise = inputs
        features = self.encoder(self.observation_normalizer(dict(zip(self._keys, observation, strict=True))))
        films = self.film(self.conditioning(features)).split(self.film_dims, dim=-1)
        actions, _ = self.trunk(noise, list(films))
        return self.action_normalizer.inverse(actions)


def input_shapes(config: PolicyConfig) -> dict[str, tuple[int, ...]]:
    """Graph inputs by name, in order."""
    shapes = {key: (1, config.n_obs_steps, *shape) for key, shape in config.observation_shapes.items()}
    return {**shapes, NOISE_INPUT: (1, config.horizon, config.action_dim)}


def export_onnx(policy: Policy, path: Path) -> None:
    """Writes the fp32 graph. Raises PARITY_FAILED when ONNX Runtime and PyTorch disagree on random inputs."""
    shapes = input_shapes(policy.config)
    program = torch.onnx.export(
        FoldedPolicy(policy).eval(),
        tuple(torch.randn(shape) for shape in shapes.values()),
        input_names=list(shapes),
        output_names=[ACTION_OUTPUT],
        opset_version=OPSET,
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    model = program.model_proto
    _strip(model)
    onnx.checker.check_model(model, full_check=True)
    onnx.save_model(model, path)
    check_parity(policy, path, random_inputs(policy, count=16, seed=0))


def random_inputs(policy: Policy, count: int, seed: int) -> list[Inputs]:
    """Observations uniform over 1.2 times the training range, noise N(0, 1)."""
    random = np.random.default_rng(seed)
    inputs = []
    for _ in range(count):
        case = {}
        for name, shape in input_shapes(policy.config).items():
            if name == NOISE_INPUT:
                case[name] = random.standard_normal(shape, dtype=np.float32)
            else:
                low, high = policy.stats[name].min, policy.stats[name].max
                margin = 0.1 * (high - low)
                case[name] = random.uniform(low - margin, high + margin, shape).astype(np.float32)
        inputs.append(case)
    return inputs


def check_parity(policy: Policy, path: Path, inputs: list[Inputs]) -> float:
    """Largest difference in network units; raises PARITY_FAILED above MAX_NORMALIZED_ERROR."""
    scale = policy.action_normalizer.scale.numpy()
    reference, graph = TorchRunner(policy), OnnxRunner(path)
    error = max(float(np.abs((graph.infer(case) - reference.infer(case)) * scale).max()) for case in inputs)
    if not error <= MAX_NORMALIZED_ERROR:
        raise OmpModelsError(
            "PARITY_FAILED", f"{path}: differs from PyTorch by {error:.2e}, at most {MAX_NORMALIZED_ERROR} allowed"
        )
    return error


def _replace_mish(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Mish):
            setattr(module, name, SigmoidMish())
        else:
            _replace_mish(child)


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
