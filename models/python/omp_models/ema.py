"""Exponential moving average of the weights; the policy that is deployed."""

import copy

import torch
from torch import nn

POWER = 0.75


class WeightAverage:
    """Follows a network with decay `min(max_decay, 1 - (1 + step)^-0.75)`, which lets the first steps be forgotten."""

    def __init__(self, network: nn.Module, max_decay: float):
        self.network = copy.deepcopy(network).requires_grad_(False)
        self._max_decay = max_decay

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Moves the average towards `network` after optimiser step `step`, counted from 0."""
        decay = min(self._max_decay, 1 - (1 + step) ** -POWER)
        torch._foreach_lerp_(list(self.network.parameters()), list(network.parameters()), 1 - decay)
