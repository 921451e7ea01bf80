"""The velocity network: a conditional 1-D U-Net over the action chunk, and the encoder of its observations.

Architecture after MP1 (arXiv 2507.10543) and Diffusion Policy: convolutions over time with kernel 5, GroupNorm 8,
Mish, FiLM scale and bias, separate embeddings of t and r that are summed.

The FiLM parameters are inputs of the trunk, so that the exporter can compute them its own way
(`export_onnx.FoldedPolicy`) and still run the very same trunk.
"""

import math

import torch
from torch import Tensor, nn

from .config import PolicyConfig

KERNEL_SIZE = 5
GROUPS = 8
MIN_TIME = 0.05
"""Bounds the division that turns actions into a velocity; the sampled times are rarely smaller."""


class SinusoidalEmbedding(nn.Module):
    """Sines, then cosines of `value * 10000^(-i / (dim/2 - 1))`; [B] to [B, dim]."""

    frequencies: Tensor

    def __init__(self, dim: int):
        super().__init__()
        exponents = torch.arange(dim // 2) / (dim // 2 - 1)
        self.register_buffer("frequencies", torch.exp(-math.log(10_000) * exponents), persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        """Embeds times in [0, 1]."""
        phase = value[:, None] * self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


def time_embedding(dim: int) -> nn.Sequential:
    """Sinusoidal embedding followed by an MLP; [B] to [B, dim]."""
    return nn.Sequential(SinusoidalEmbedding(dim), nn.Linear(dim, 4 * dim), nn.Mish(), nn.Linear(4 * dim, dim))


class ConvBlock(nn.Sequential):
    """Convolution over time, GroupNorm, Mish; [B, in, T] to [B, out, T]."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(
            nn.Conv1d(in_channels, out_channels, KERNEL_SIZE, padding=KERNEL_SIZE // 2),
            nn.GroupNorm(GROUPS, out_channels),
            nn.Mish(),
        )


class ResidualBlock(nn.Module):
    """Two convolution blocks with FiLM between them and a residual connection around them."""

    def __init__(self, in_channels: int, out_channels: int, conditioning_dim: int):
        super().__init__()
        self.first = ConvBlock(in_channels, out_channels)
        self.second = ConvBlock(out_channels, out_channels)
        self.film = nn.Linear(conditioning_dim, 2 * out_channels)
        same = in_channels == out_channels
        self.residual = nn.Identity() if same else nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        """`film` [B, 2 * out] holds the scales, then the biases."""
        scale, bias = film.unsqueeze(-1).chunk(2, dim=1)
        return self.second(self.first(x) * scale + bias) + self.residual(x)


class Trunk(nn.Module):
    """The U-Net without its conditioning: two blocks a level, two in the middle, skip connections level to level."""

    def __init__(self, action_dim: int, down_dims: tuple[int, ...], conditioning_dim: int):
        super().__init__()

        def pair(in_channels: int, out_channels: int) -> nn.ModuleList:
            dims = ((in_channels, out_channels), (out_channels, out_channels))
            return nn.ModuleList(ResidualBlock(i, o, conditioning_dim) for i, o in dims)

        levels = list(zip((action_dim, *down_dims[:-1]), down_dims, strict=True))
        self.down = nn.ModuleList(pair(i, o) for i, o in levels)
        self.downsample = nn.ModuleList(nn.Conv1d(o, o, 3, stride=2, padding=1) for _, o in levels[:-1])
        self.middle = pair(down_dims[-1], down_dims[-1])
        self.up = nn.ModuleList(pair(2 * o, i) for i, o in reversed(levels[1:]))
        self.upsample = nn.ModuleList(nn.ConvTranspose1d(i, i, 4, stride=2, padding=1) for i, _ in reversed(levels[1:]))
        self.final = nn.Sequential(ConvBlock(down_dims[0], down_dims[0]), nn.Conv1d(down_dims[0], action_dim, 1))

    def blocks(self) -> list[ResidualBlock]:
        """Every residual block in the order in which `forward` consumes the FiLM parameters."""
        return [block for group in (*self.down, self.middle, *self.up) for block in group]

    def forward(self, z: Tensor, films: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Actions [B, H, A] that `z` [B, H, A] came from, and the features of every down level but the last."""
        film = iter(films)
        x = z.transpose(1, 2)
        skips = []
        features = []
        for level, blocks in enumerate(self.down):
            for block in blocks:
                x = block(x, next(film))
            skips.append(x)
            if level < len(self.downsample):
                features.append(x)
                x = self.downsample[level](x)
        for block in self.middle:
            x = block(x, next(film))
        for blocks, upsample in zip(self.up, self.upsample, strict=True):
            x = torch.cat([x, skips.pop()], dim=1)
            for block in blocks:
                x = block(x, next(film))
            x = upsample(x)
        return self.final(x).transpose(1, 2), features


class ObservationEncoder(nn.Sequential):
    """Encodes every step by itself and flattens the steps; [B, To, D] to [B, To * feature]."""

    def __init__(self, observation_dim: int, hidden_dim: int, feature_dim: int):
        super().__init__(
            nn.Linear(observation_dim, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, feature_dim), nn.Flatten(1)
        )


class VelocityNetwork(nn.Module):
    """Average velocity `u(z, r, t | observation)` of MeanFlow. All values are normalised; t = 1 is noise, t = 0 data.

    The trunk predicts the actions `x` at the path's end, and `u = (z - x) / t`. One step from noise, `e - u(e, 0, 1)`,
    is then the trunk's output itself: no noise has to be copied through the network to be subtracted, which leaves a
    smoother path (measured: a fifth of the acceleration) and smaller quantization steps.
    """

    def __init__(self, config: PolicyConfig):
        super().__init__()
        observation_features = config.n_obs_steps * config.encoder_feature_dim
        self.encoder = ObservationEncoder(config.observation_dim, config.encoder_hidden_dim, config.encoder_feature_dim)
        self.embed_t = time_embedding(config.time_embedding_dim)
        self.embed_r = time_embedding(config.time_embedding_dim)
        self.conditioning = nn.Mish()
        self.trunk = Trunk(config.action_dim, config.down_dims, config.time_embedding_dim + observation_features)

    def encode(self, observation: Tensor) -> Tensor:
        """Features [B, To * F] of observations [B, To, D], all keys concatenated."""
        return self.encoder(observation)

    def velocity(self, z: Tensor, r: Tensor, t: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Velocity [B, H, A] at `z` [B, H, A] over [r, t] ([B] each), and the features of the upper down levels."""
        embedding = self.embed_t(t) + self.embed_r(r)
        conditioning = self.conditioning(torch.cat([embedding, features], dim=-1))
        actions, level_features = self.trunk(z, [block.film(conditioning) for block in self.trunk.blocks()])
        return (z - actions) / t.clamp_min(MIN_TIME)[:, None, None], level_features

    def forward(self, z: Tensor, r: Tensor, t: Tensor, features: Tensor) -> Tensor:
        """Velocity alone."""
        return self.velocity(z, r, t, features)[0]
