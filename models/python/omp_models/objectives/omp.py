"""One-step MeanFlow policy: MeanFlow regression, directional alignment, dispersive regularisation."""

import torch
from torch import Generator, Tensor

from ..config import TrainConfig
from ..errors import OmpModelsError
from ..network import VelocityNetwork
from .derivative import time_derivative_dde, time_derivative_jvp
from .losses import adaptive_mse, directional_alignment, dispersive
from .objective import Losses

TIME_LOGIT_MEAN = -0.4
TIME_LOGIT_STD = 1.0


class OmpObjective:
    """`z_t = (1 - t) x + t e`, `v = e - x`; u learns `v - (t - r) du/dt`, so that `x = e - u(e, r=0, t=1)`.

    Where r = t the identity needs no derivative, so the derivative is evaluated on the other samples only.
    """

    def __init__(self, config: TrainConfig):
        if config.derivative not in ("jvp", "dde"):
            raise OmpModelsError("CONFIG_INVALID", f"derivative {config.derivative!r} is unknown; known: jvp, dde")
        self._config = config

    def losses(self, network: VelocityNetwork, observation: Tensor, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch; see `Objective`."""
        noise = torch.randn(actions.shape, generator=generator)
        r, t, first_moving = self._sample_times(len(actions), generator)
        velocity = noise - actions
        z = actions + t[:, None, None] * velocity
        features = network.encode(observation)

        moving = slice(first_moving, None)
        derivative = self._derivative(
            network, z[moving], r[moving], t[moving], velocity[moving], features[moving].detach()
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
            + self._config.lambda_directional * terms["directional"]
            + self._config.lambda_dispersive * terms["dispersive"]
        )
        return Losses(total, {name: term.detach() for name, term in terms.items()})

    def _sample_times(self, batch: int, generator: Generator) -> tuple[Tensor, Tensor, int]:
        """Times r <= t, both [batch], logit-normal; r = t in the samples before the returned index."""
        logits = TIME_LOGIT_MEAN + TIME_LOGIT_STD * torch.randn(2, batch, generator=generator)
        times = logits.sigmoid()
        r, t = times.amin(dim=0), times.amax(dim=0)
        first_moving = round(batch * self._config.flow_ratio)
        r[:first_moving] = t[:first_moving]
        return r, t, first_moving

    def _derivative(
        self, network: VelocityNetwork, z: Tensor, r: Tensor, t: Tensor, velocity: Tensor, features: Tensor
    ) -> Tensor:
        if self._config.derivative == "jvp":
            return time_derivative_jvp(network, z, r, t, velocity, features)
        return time_derivative_dde(network, z, r, t, velocity, features, self._config.dde_epsilon)
