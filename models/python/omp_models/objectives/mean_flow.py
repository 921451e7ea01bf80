"""What the MeanFlow objectives share (arXiv 2505.13447): points on the path, its derivative, one-step sampling.

The path from actions x to noise e is `z = (1 - t) x + t e` with velocity `v = e - x`. The average velocity over [r, t]
obeys `u(z, r, t) = v - (t - r) du/dt`, where du/dt is the total derivative along the path.
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork, full_precision
from .derivative import time_derivative_dde, time_derivative_jvp
from .objective import noise_like

TIME_LOGIT_MEAN = -0.4
TIME_LOGIT_STD = 1.0


class PathPoints(NamedTuple):
    """One point on the path of every sample: z, velocity [B, H, A]; r <= t [B]. r = t before `first_moving`."""

    z: Tensor
    velocity: Tensor
    r: Tensor
    t: Tensor
    first_moving: int


def sample_path(actions: Tensor, flow_ratio: float, generator: Generator) -> PathPoints:
    """Draws noise and logit-normal times; a share `flow_ratio` of the batch gets r = t."""
    noise = noise_like(actions, generator)
    logits = TIME_LOGIT_MEAN + TIME_LOGIT_STD * torch.randn(2, len(actions), generator=generator)
    times = logits.sigmoid().to(actions.device)
    r, t = times.amin(dim=0), times.amax(dim=0)
    first_moving = round(len(actions) * flow_ratio)
    r[:first_moving] = t[:first_moving]
    velocity = noise - actions
    return PathPoints(actions + t[:, None, None] * velocity, velocity, r, t, first_moving)


def path_correction(
    config: TrainConfig, network: PolicyNetwork, points: PathPoints, tangent: Tensor, features: Tensor
) -> Tensor:
    """`sg((t - r) du/dt)` [B, H, A] along the velocity `tangent`; 0 where r = t, which needs no evaluation."""
    moving = slice(points.first_moving, None)
    arguments = (points.z[moving], points.r[moving], points.t[moving], tangent[moving], features[moving].detach())
    with full_precision(network):
        if config.derivative == "jvp":
            derivative = time_derivative_jvp(network, *arguments)
        else:
            derivative = time_derivative_dde(network, *arguments, config.dde_epsilon)
    correction = torch.zeros_like(points.z)
    correction[moving] = (points.t - points.r)[moving, None, None] * derivative
    return correction


@torch.no_grad()
def instantaneous_velocity(network: PolicyNetwork, points: PathPoints, features: Tensor) -> Tensor:
    """The network's own velocity at the points, `sg(u(z, t, t))` [B, H, A]."""
    return network(points.z, points.t, points.t, features)


def sample_one_step(network: PolicyNetwork, noise: Tensor, features: Tensor) -> Tensor:
    """`x = e - u(e, r=0, t=1)`: the average velocity over the whole path leads from the noise to the actions."""
    t = noise.new_ones(len(noise))
    return noise - network(noise, torch.zeros_like(t), t, features)
