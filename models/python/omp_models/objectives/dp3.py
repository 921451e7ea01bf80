"""DP3: denoising diffusion that predicts the actions, sampled in 10 DDIM steps."""

import math
from typing import ClassVar

import torch
from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork
from .objective import Losses, Observation, noise_like, weighted_sum

TRAIN_STEPS = 100
SAMPLE_STEPS = 10
COSINE_OFFSET = 0.008
MAX_BETA = 0.999


def _kept_signal() -> list[float]:
    """a_k, the share of the signal's variance left after diffusion step k, squared-cosine schedule."""

    def cosine(step: int) -> float:
        return math.cos((step / TRAIN_STEPS + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2) ** 2

    kept, values = 1.0, []
    for step in range(TRAIN_STEPS):
        kept *= 1 - min(1 - cosine(step + 1) / cosine(step), MAX_BETA)
        values.append(kept)
    return values


KEPT_SIGNAL = _kept_signal()


class Dp3Objective:
    """DP3 (arXiv 2403.03954), after DDPM (2006.11239) with the schedule of 2102.09672 and DDIM sampling (2010.02502).

        z_k = sqrt(a_k) x + sqrt(1 - a_k) e, k uniform in 0 .. 99,    L = |x(z_k, k) - x|^2

    Sampling visits k = 90, 80 .. 0 without new noise: `e' = (z - sqrt(a_k) x') / sqrt(1 - a_k)`, then
    `z = sqrt(a_l) clip(x') + sqrt(1 - a_l) e'` with l = k - 10, and a = 1 after the last step.
    """

    nfe: ClassVar[int] = SAMPLE_STEPS

    def __init__(self, config: TrainConfig):
        del config

    def losses(self, network: PolicyNetwork, observation: Observation, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch; see `Objective`."""
        noise = noise_like(actions, generator)
        steps = torch.randint(TRAIN_STEPS, (len(actions),), generator=generator).to(actions.device)
        kept = torch.tensor(KEPT_SIGNAL, device=actions.device)[steps][:, None, None]
        z = kept.sqrt() * actions + (1 - kept).sqrt() * noise
        predicted, _ = network.output(z, network.embed(steps.float()), network.encode(observation))
        return weighted_sum(mse=(1.0, (predicted - actions).square().mean()))

    @staticmethod
    def sample(network: PolicyNetwork, noise: Tensor, features: Tensor) -> Tensor:
        """Ten evaluations; see `Objective`."""
        stride = TRAIN_STEPS // SAMPLE_STEPS
        z = noise
        for step in reversed(range(0, TRAIN_STEPS, stride)):
            kept = KEPT_SIGNAL[step]
            kept_after = KEPT_SIGNAL[step - stride] if step >= stride else 1.0
            time = torch.full_like(noise[:, 0, 0], float(step))
            actions, _ = network.output(z, network.embed(time), features)
            direction = (z - math.sqrt(kept) * actions) / math.sqrt(1 - kept)
            z = math.sqrt(kept_after) * actions.clamp(-1, 1) + math.sqrt(1 - kept_after) * direction
        return z
