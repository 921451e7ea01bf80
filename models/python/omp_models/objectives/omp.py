"""One-step MeanFlow policy: MeanFlow regression, directional alignment, dispersive regularisation."""

from typing import ClassVar

import torch
from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork
from .losses import adaptive_mse, directional_alignment, dispersive
from .mean_flow import sample_one_step, sample_times, time_derivative
from .objective import Losses, Observation


class OmpObjective:
    """OMP (arXiv 2512.19347).

    `z = (1 - t) x + t e`, `v = e - x`; u learns `sg(v - (t - r) du/dt)`, so that `x = e - u(e, r=0, t=1)`:

        L = adaptive MSE(u, target) + lambda_directional * -log((cos(v, u) + 1) / 2) + lambda_dispersive * L_disp

    Where r = t the identity needs no derivative, so the derivative is evaluated on the other samples only.
    """

    nfe: ClassVar[int] = 1
    sample = staticmethod(sample_one_step)

    def __init__(self, config: TrainConfig):
        self._config = config

    def losses(self, network: PolicyNetwork, observation: Observation, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch; see `Objective`."""
        config = self._config
        noise = torch.randn(actions.shape, generator=generator).to(actions.device)
        r, t, first_moving = sample_times(len(actions), config.flow_ratio, generator)
        r, t = r.to(actions.device), t.to(actions.device)
        velocity = noise - actions
        z = actions + t[:, None, None] * velocity
        features = network.encode(observation)

        moving = slice(first_moving, None)
        derivative = time_derivative(
            config, network, z[moving], r[moving], t[moving], velocity[moving], features[moving].detach()
        )
        target = velocity.clone()
        target[moving] -= (t - r)[moving, None, None] * derivative

        predicted, level_features = network.velocity(z, r, t, features)
        terms = {
            "mse": adaptive_mse(predicted - target),
            "directional": directional_alignment(velocity, predicted),
            "dispersive": dispersive(level_features) if level_features else predicted.new_zeros(()),
        }
        total = (
            terms["mse"]
            + config.lambda_directional * terms["directional"]
            + config.lambda_dispersive * terms["dispersive"]
        )
        return Losses(total, {name: term.detach() for name, term in terms.items()})
