"""One-step MeanFlow policy: MeanFlow regression, directional alignment, dispersive regularisation."""

from typing import ClassVar

from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork
from .losses import adaptive_mse, directional_alignment, dispersive
from .mean_flow import path_correction, sample_one_step, sample_path
from .objective import Losses, Observation, weighted_sum


class OmpObjective:
    """OMP (arXiv 2512.19347): `u` learns `sg(v - (t - r) du/dt)`, so that `x = e - u(e, r=0, t=1)`.

        L = adaptive MSE(u, target) + lambda_directional * -log((cos(v, u) + 1) / 2) + lambda_dispersive * L_disp

    The paper's lambda_directional and epsilon of the derivative are not published; see `TrainConfig`.
    """

    nfe: ClassVar[int] = 1
    sample = staticmethod(sample_one_step)

    def __init__(self, config: TrainConfig):
        self._config = config

    def losses(self, network: PolicyNetwork, observation: Observation, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch; see `Objective`."""
        config = self._config
        points = sample_path(actions, config.flow_ratio, generator)
        features = network.encode(observation)
        target = points.velocity - path_correction(config, network, points, points.velocity, features)
        predicted, level_features = network.velocity(points.z, points.r, points.t, features)
        return weighted_sum(
            mse=(1.0, adaptive_mse(predicted - target)),
            directional=(config.lambda_directional, directional_alignment(points.velocity, predicted)),
            dispersive=(config.lambda_dispersive, dispersive(level_features)),
        )
