"""What an objective is."""

from typing import ClassVar, NamedTuple, Protocol

import torch
from torch import Generator, Tensor

from ..networks import PolicyNetwork

Observation = dict[str, Tensor]
"""Normalised observations by key, [B, To, *shape]."""


class Losses(NamedTuple):
    """Scalars of one batch. `total` carries the graph; `terms` are detached and for reporting."""

    total: Tensor
    terms: dict[str, Tensor]


def weighted_sum(**terms: tuple[float, Tensor]) -> Losses:
    """Losses of `name=(weight, term)`."""
    total = sum(weight * term for weight, term in terms.values())
    return Losses(total, {name: term.detach() for name, (_, term) in terms.items()})


def noise_like(actions: Tensor, generator: Generator) -> Tensor:
    """Standard normal noise of the shape and device of `actions`, drawn on the CPU."""
    return torch.randn(actions.shape, generator=generator).to(actions.device)


class Objective(Protocol):
    """A way to teach the network to turn noise into actions, and the way to turn it then."""

    nfe: ClassVar[int]
    """Network evaluations a chunk."""

    def losses(self, network: PolicyNetwork, observation: Observation, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch.

        `observation` and `actions` [B, H, A] are normalised. All randomness comes from `generator`, which lives on
        the CPU, so that a seed means the same on every device.
        """
        ...

    @staticmethod
    def sample(network: PolicyNetwork, noise: Tensor, features: Tensor) -> Tensor:
        """Normalised actions [B, H, A] from standard normal `noise` [B, H, A] and encoded observations.

        Deterministic, and a fixed sequence of `nfe` evaluations, so that it exports as one graph.
        """
        ...
