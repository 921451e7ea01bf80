"""The policy as two graphs: an encoder of one observed step, and a head from the steps' features to actions.

Every observed step is encoded by itself, so a runtime that keeps the features of the older steps encodes one step a
chunk. Where the encoder is the larger part, as with clouds and images, that halves the work of two steps.
"""

from pathlib import Path

import numpy as np
from torch import Tensor, nn

from .export_onnx import require_parity, write_graph
from .inputs import NOISE_INPUT, input_shapes, random_inputs
from .policy import Policy
from .runner import FEATURES, OnnxRunner, SplitRunner, TorchRunner
from .specialize import FixedTimeSampler, on_rows


class StepEncoder(nn.Module):
    """Features of one step in physical units."""

    def __init__(self, policy: Policy):
        super().__init__()
        self._keys = list(policy.config.observation_shapes)
        self.observation_normalizer, self.encoder = policy.observation_normalizer, on_rows(policy.network.encoder)

    def forward(self, *step: Tensor) -> Tensor:
        """[1, F] from one step of every key [1, *shape], in order of the keys."""
        return self.encoder.encode_step(self.observation_normalizer(dict(zip(self._keys, step, strict=True))))


class Head(nn.Module):
    """The sampler and what leads back to physical units."""

    def __init__(self, policy: Policy):
        super().__init__()
        self.sampler = FixedTimeSampler(policy.network, policy.sample, policy.config)
        self.action_normalizer = policy.action_normalizer

    def forward(self, features: Tensor, noise: Tensor) -> Tensor:
        """Actions [1, H, A] from features [1, To, F] and noise [1, H, A]."""
        return self.action_normalizer.inverse(self.sampler(noise, features.flatten(1)))


def export_split_onnx(policy: Policy, encoder: Path, head: Path) -> None:
    """Writes both graphs in fp32. Raises PARITY_FAILED when together they are not PyTorch's equal."""
    config = policy.config
    shapes = input_shapes(config)
    noise_shape = shapes.pop(NOISE_INPUT)
    steps = {key: (1, *shape[2:]) for key, shape in shapes.items()}
    write_graph(StepEncoder(policy), steps, encoder, FEATURES)
    features = (1, config.n_obs_steps, policy.network.encoder.step_features)
    write_graph(Head(policy), {FEATURES: features, NOISE_INPUT: noise_shape}, head)

    reference, scale = TorchRunner(policy), policy.action_normalizer.scale.numpy()
    split = SplitRunner(OnnxRunner(encoder), OnnxRunner(head))
    for case in random_inputs(policy, count=8, seed=0):
        require_parity(head, np.abs((split.infer(case) - reference.infer(case)) * scale).max())
