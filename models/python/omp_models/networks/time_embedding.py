"""Embedding of times for the U-Net's conditioning."""

import math

import torch
from torch import Tensor, nn


class SinusoidalEmbedding(nn.Module):
    """Sines, then cosines of `value * 10000^(-i / (dim/2 - 1))`; [B] to [B, dim]."""

    frequencies: Tensor

    def __init__(self, dim: int):
        super().__init__()
        exponents = torch.arange(dim // 2) / (dim // 2 - 1)
        self.register_buffer("frequencies", torch.exp(-math.log(10_000) * exponents), persistent=False)

    def forward(self, value: Tensor) -> Tensor:
        """Embeds times as they are: in [0, 1] for flows, whole numbers for diffusion steps."""
        phase = value[:, None] * self.frequencies
        return torch.cat([phase.sin(), phase.cos()], dim=-1)


def time_embedding(dim: int) -> nn.Sequential:
    """Sinusoidal embedding followed by an MLP; [B] to [B, dim]."""
    return nn.Sequential(SinusoidalEmbedding(dim), nn.Linear(dim, 4 * dim), nn.Mish(), nn.Linear(4 * dim, dim))
