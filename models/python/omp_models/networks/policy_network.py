"""The network of every policy: encoder, time embedding and U-Net, and what the U-Net's output stands for."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..config import PolicyConfig
from .encoders import ObservationEncoder
from .time_embedding import time_embedding
from .unet import Trunk

MIN_TIME = 0.05
"""Bounds the division that turns actions into a velocity; the sampled times are rarely smaller."""


class PolicyNetwork(nn.Module):
    """Predicts from noisy actions z, their time or interval, and the observation. All values are normalised.

    Flows go from the data at t = 0 to the noise at t = 1. Objectives on one time leave `embed_r` out.
    """

    mixed_precision = False
    """Whether encoder and U-Net compute in bfloat16 where that is safe. Inputs, outputs and weights stay float32."""

    def __init__(self, config: PolicyConfig):
        super().__init__()
        self._predicts_actions = config.prediction == "actions"
        self.encoder = ObservationEncoder(config)
        self.embed_t = time_embedding(config.time_embedding_dim)
        self.embed_r = time_embedding(config.time_embedding_dim) if config.embeds_interval else None
        self.conditioning = nn.Mish()
        conditioning_dim = config.time_embedding_dim + config.n_obs_steps * self.encoder.step_features
        self.trunk = Trunk(config.action_dim, config.down_dims, conditioning_dim)

    def encode(self, observation: dict[str, Tensor]) -> Tensor:
        """Features [B, To * F] of normalised observations, `observation[key]` [B, To, *shape]."""
        if not self.mixed_precision:
            return self.encoder(observation)
        with torch.autocast(next(iter(observation.values())).device.type, torch.bfloat16):
            return self.encoder(observation).float()

    def embed(self, t: Tensor, r: Tensor | None = None) -> Tensor:
        """Embedding [B, E] of the times the U-Net is conditioned on; two times have their own embeddings, summed."""
        embedding = self.embed_t(t)
        return embedding if self.embed_r is None else embedding + self.embed_r(r)

    def output(self, z: Tensor, embedding: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The U-Net's output [B, H, A] for `z` [B, H, A], and the features of every down level but the last."""
        if not self.mixed_precision:
            return self._output(z, embedding, features)
        with torch.autocast(z.device.type, torch.bfloat16):
            output, level_features = self._output(z, embedding, features)
        return output.float(), [level.float() for level in level_features]

    def _output(self, z: Tensor, embedding: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        conditioning = self.conditioning(torch.cat([embedding, features], dim=-1))
        return self.trunk(z, [block.film(conditioning) for block in self.trunk.blocks()])

    def velocity(self, z: Tensor, r: Tensor, t: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Average velocity u [B, H, A] at `z` [B, H, A] over [r, t] ([B] each), and the level features."""
        output, level_features = self.output(z, self.embed(t, r), features)
        return self.as_velocity(z, t, output), level_features

    def as_velocity(self, z: Tensor, t: Tensor, output: Tensor) -> Tensor:
        """The velocity that an output stands for: itself, or `(z - x) / t` of the actions x."""
        if not self._predicts_actions:
            return output
        return (z - output) / t.clamp_min(MIN_TIME)[:, None, None]

    def forward(self, z: Tensor, r: Tensor, t: Tensor, features: Tensor) -> Tensor:
        """Velocity alone."""
        return self.velocity(z, r, t, features)[0]


@contextmanager
def full_precision(network: PolicyNetwork) -> Iterator[None]:
    """Within it `network` computes in float32, whatever it does otherwise."""
    mixed, network.mixed_precision = network.mixed_precision, False
    try:
        yield
    finally:
        network.mixed_precision = mixed
