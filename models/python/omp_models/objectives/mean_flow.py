"""What the MeanFlow objectives share (arXiv 2505.13447): times, the derivative along the path, one-step sampling."""

import torch
from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork
from .derivative import time_derivative_dde, time_derivative_jvp

TIME_LOGIT_MEAN = -0.4
TIME_LOGIT_STD = 1.0


def sample_times(batch: int, flow_ratio: float, generator: Generator) -> tuple[Tensor, Tensor, int]:
    """Times r <= t, both [batch], logit-normal; r = t in the samples before the returned index."""
    logits = TIME_LOGIT_MEAN + TIME_LOGIT_STD * torch.randn(2, batch, generator=generator)
    times = logits.sigmoid()
    r, t = times.amin(dim=0), times.amax(dim=0)
    first_moving = round(batch * flow_ratio)
    r[:first_moving] = t[:first_moving]
    return r, t, first_moving


def time_derivative(
    config: TrainConfig, network: PolicyNetwork, z: Tensor, r: Tensor, t: Tensor, v: Tensor, features: Tensor
) -> Tensor:
    """Total derivative du/dt along the tangent (v, 0, 1) for (z, r, t), the configured way; carries no graph."""
    if config.derivative == "jvp":
        return time_derivative_jvp(network, z, r, t, v, features)
    return time_derivative_dde(network, z, r, t, v, features, config.dde_epsilon)


def sample_one_step(network: PolicyNetwork, noise: Tensor, features: Tensor) -> Tensor:
    """`x = e - u(e, r=0, t=1)`: the average velocity over the whole path leads from the noise to the actions."""
    t = noise.new_ones(len(noise))
    return noise - network(noise, torch.zeros_like(t), t, features)
