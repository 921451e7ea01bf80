"""What an objective is."""

from typing import NamedTuple, Protocol

from torch import Generator, Tensor

from ..network import VelocityNetwork


class Losses(NamedTuple):
    """Scalars of one batch. `total` carries the graph; `terms` are detached and for reporting."""

    total: Tensor
    terms: dict[str, Tensor]


class Objective(Protocol):
    """A way to teach the network to turn noise into actions in one evaluation."""

    def losses(self, network: VelocityNetwork, observation: Tensor, actions: Tensor, generator: Generator) -> Losses:
        """Losses of one batch.

        `observation` [B, To, D] and `actions` [B, H, A] are normalised. All randomness comes from `generator`.
        """
        ...
