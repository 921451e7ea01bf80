"""Plain behaviour cloning: the baseline that a generative objective has to beat."""

from typing import ClassVar

import torch
from torch import Generator, Tensor

from ..config import TrainConfig
from ..networks import PolicyNetwork
from .objective import Losses, Observation, weighted_sum


class RegressionObjective:
    """`L = |x(observation) - x|^2`, the same network with a zero chunk in place of the noise, which is ignored.

    Answers the mean of the demonstrated actions; where two ways are right, that is neither of them.
    """

    nfe: ClassVar[int] = 1

    def __init__(self, config: TrainConfig):
        del config

    def losses(self, network: PolicyNetwork, observation: Observation, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch; see `Objective`."""
        predicted = self.sample(network, actions, network.encode(observation))
        return weighted_sum(mse=(1.0, (predicted - actions).square().mean()))

    @staticmethod
    def sample(network: PolicyNetwork, noise: Tensor, features: Tensor) -> Tensor:
        """One evaluation; of `noise` only the shape matters. See `Objective`."""
        zeros = torch.zeros_like(noise)
        return network.output(zeros, network.embed(torch.ones_like(zeros[:, 0, 0])), features)[0]
