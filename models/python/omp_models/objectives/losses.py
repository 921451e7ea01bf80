"""Terms of the MeanFlow policies' losses (arXiv 2512.19347, 2507.10543)."""

import torch
from torch import Tensor

DIRECTION_EPSILON = 1e-6
MIN_VELOCITY_NORM = 1e-3
ADAPTIVE_EPSILON = 1e-3


def adaptive_mse(error: Tensor) -> Tensor:
    """Mean over the batch of `d / sg(sqrt(d + 1e-3))`, d the mean squared error of one sample [B, ...]."""
    squared = error.flatten(1).square().mean(dim=1)
    return (squared / (squared.detach() + ADAPTIVE_EPSILON).sqrt()).mean()


def directional_alignment(velocity: Tensor, predicted: Tensor) -> Tensor:
    """Mean over the batch of `-log((cos + 1) / 2)` between flattened samples [B, ...]; 0 when aligned.

    The gradient grows like tan(angle / 2) / |predicted|. Two clamps keep it finite: `|predicted|` >= 1e-3 and
    (cos + 1) / 2 >= 1e-6.
    """
    velocity, predicted = velocity.flatten(1), predicted.flatten(1)
    length = predicted.square().sum(dim=1).clamp_min(MIN_VELOCITY_NORM**2).sqrt()
    cosine = (velocity * predicted).sum(dim=1) / (velocity.norm(dim=1) * length + DIRECTION_EPSILON)
    return -((cosine + 1) / 2).clamp_min(DIRECTION_EPSILON).log().mean()


def dispersive(features: list[Tensor]) -> Tensor:
    """Sum over levels of `log mean exp(-D / max D)`, D the squared distances between all samples of a level [B, ...].

    Between -1 (spread out) and 0 (collapsed) a level; 0 without levels. The division by max D follows MP1's code,
    temperature 1.
    """
    total = torch.zeros(())
    for level in features:
        flat = level.flatten(1)
        squared_norms = flat.square().sum(dim=1)
        distances = (squared_norms[:, None] + squared_norms[None, :] - 2 * flat @ flat.T).clamp_min(0)
        scaled = distances / distances.max().clamp_min(1e-12)
        total = torch.exp(-scaled).mean().log() + total
    return total
