"""Improved MeanFlow: the identity becomes a prediction of the velocity, whose target is free of the network."""

from typing import ClassVar

from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork
from .losses import adaptive_mse
from .mean_flow import instantaneous_velocity, path_correction, sample_one_step, sample_path
from .objective import Losses, Observation, weighted_sum


class ImfObjective:
    """iMF (arXiv 2512.02012), without its guidance and its second head.

        V = u(z, r, t) + (t - r) sg(du/dt along u(z, t, t)),    L = adaptive MSE(V, e - x)

    The tangent is the network's own velocity, not the sample's e - x, so V depends on z alone, as the regression to
    e - x assumes; that lowers the variance of the loss.
    """

    nfe: ClassVar[int] = 1
    sample = staticmethod(sample_one_step)

    def __init__(self, config: TrainConfig):
        self._config = config

    def losses(self, network: PolicyNetwork, observation: Observation, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch; see `Objective`."""
        points = sample_path(actions, self._config.flow_ratio, generator)
        features = network.encode(observation)
        tangent = instantaneous_velocity(network, points, features)
        correction = path_correction(self._config, network, points, tangent, features)
        predicted = network(points.z, points.r, points.t, features)
        return weighted_sum(mse=(1.0, adaptive_mse(predicted + correction - points.velocity)))
