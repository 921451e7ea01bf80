"""FlowPolicy: consistency flow matching in two segments, sampled in one Euler step."""

from typing import ClassVar

import torch
from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork
from .objective import Losses, Observation, noise_like, weighted_sum

FIRST_TIME = 0.01
STEP = 0.01
SEGMENTS = 2
VELOCITY_WEIGHT = 1e-5
TIME_SCALE = 99.0
"""The network embeds 99 s."""


class FlowPolicyObjective:
    """FlowPolicy (arXiv 2412.04987), after consistency flow matching (arXiv 2407.02398).

    Its time runs from noise to data: `z_s = (1 - s) e + s x`, s = 1 - t. With the end E of the segment that s is in and
    f(s) = z_s + (E - s) v(z_s, s), both branches carrying gradients:

        L = |f(s) - f(s + 0.01)|^2 + 1e-5 |v(s) - v(s + 0.01)|^2,    f(s) = x where s >= 1

    The second term leaves out the last step of a segment. One Euler step from s = 0.01 gives `x = e + v(e)`: it
    extrapolates the first segment, so it can fall short of actions that are only decided in the second.
    """

    nfe: ClassVar[int] = 1

    def __init__(self, config: TrainConfig):
        del config

    def losses(self, network: PolicyNetwork, observation: Observation, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch; see `Objective`."""
        noise = noise_like(actions, generator)
        uniform = torch.rand(len(actions), generator=generator).to(actions.device)
        features = network.encode(observation)
        now = FIRST_TIME + (1 - FIRST_TIME) * uniform
        later = (now + STEP).clamp_max(1.0)
        end = (now * SEGMENTS).ceil().clamp_min(1) / SEGMENTS

        def jump(s: Tensor) -> tuple[Tensor, Tensor]:
            z = noise + s[:, None, None] * (actions - noise)
            v = _velocity(network, z, s, features)
            return z + (end - s)[:, None, None] * v, v

        jump_now, v_now = jump(now)
        jump_later, v_later = jump(later)
        jump_later = torch.where(later[:, None, None] < 1, jump_later, actions)
        inside = (end - now > 1.01 * STEP)[:, None, None]
        return weighted_sum(
            consistency=(1.0, (jump_now - jump_later).square().mean()),
            velocity=(VELOCITY_WEIGHT, (inside * (v_now - v_later)).square().mean()),
        )

    @staticmethod
    def sample(network: PolicyNetwork, noise: Tensor, features: Tensor) -> Tensor:
        """One Euler step; see `Objective`."""
        return noise + _velocity(network, noise, torch.full_like(noise[:, 0, 0], FIRST_TIME), features)


def _velocity(network: PolicyNetwork, z: Tensor, s: Tensor, features: Tensor) -> Tensor:
    """Velocity [B, H, A] towards the data at time s [B]."""
    output, _ = network.output(z, network.embed(TIME_SCALE * s), features)
    return -network.as_velocity(z, 1 - s, output)
