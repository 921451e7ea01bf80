"""A trained network for one fixed horizon and, further, for the fixed times of its sampler: equal and smaller."""

import copy
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..config import PolicyConfig
from ..networks import PolicyNetwork
from .layers import RowLinear, SigmoidMish, linear
from .trunk import RowTrunk

Sample = Callable[[PolicyNetwork, Tensor, Tensor], Tensor]
"""`Objective.sample`: normalised actions from a network, noise [B, H, A] and features [B, To * F]."""


class SpecializedNetwork(PolicyNetwork):
    """`PolicyNetwork` for one horizon and batch 1, without its encoder.

    It gives the same values:

    - convolution taps that see padding only are removed, and convolutions become products of rows (`layers`);
    - the FiLM layers become one product for the observation and one for the time, since the Mish before them is
      elementwise. An embedding is here the time's share of all FiLM parameters, [1, sum of FiLM sizes].
    """

    def __init__(self, network: PolicyNetwork, horizon: int):
        nn.Module.__init__(self)
        self._predicts_actions = network._predicts_actions
        films = [block.film for block in network.trunk.blocks()]
        self.film_dims = [film.out_features for film in films]
        weight = torch.cat([film.weight.detach() for film in films])
        embedding_dim = network.embed_t[-1].out_features
        self.film_time = linear(weight[:, :embedding_dim], None)
        self.film_observation = linear(weight[:, embedding_dim:], torch.cat([film.bias for film in films]))
        self.embed_t = on_rows(network.embed_t)
        self.embed_r = None if network.embed_r is None else on_rows(network.embed_r)
        self.mish = SigmoidMish()
        self.trunk = RowTrunk(network.trunk, horizon)

    def embed(self, t: Tensor, r: Tensor | None = None) -> Tensor:
        """See the class; t and r [1]."""
        return self.film_time(self.mish(super().embed(t, r)))

    def output(self, z: Tensor, embedding: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The U-Net's output [1, H, A]; its level features serve training and are left out."""
        films = embedding + self.film_observation(self.mish(features))
        return self.trunk(z[0], list(films.split(self.film_dims, dim=-1)))[None], []


class FixedTimeSampler(nn.Module):
    """A sampler with its network, whose times are constants: they become FiLM biases and the time branch goes.

    `sample` must be what `Objective.sample` promises, a fixed sequence of evaluations at times that depend on nothing.
    """

    def __init__(self, network: PolicyNetwork, sample: Sample, config: PolicyConfig):
        super().__init__()
        specialized = SpecializedNetwork(network, config.horizon)
        self._sample = sample
        self.network = _FixedTimeNetwork(specialized, sample, (1, config.horizon, config.action_dim))

    def forward(self, noise: Tensor, features: Tensor) -> Tensor:
        """Normalised actions [1, H, A] from `noise` [1, H, A] and features [1, To * F]."""
        self.network.restart()
        return self._sample(self.network, noise, features)


class _FixedTimeNetwork(SpecializedNetwork):
    """Answers the k-th evaluation of a sampler with the k-th constant, whatever times it is asked for."""

    films: Tensor

    def __init__(self, network: SpecializedNetwork, sample: Sample, shape: tuple[int, ...]):
        nn.Module.__init__(self)
        self._predicts_actions = network._predicts_actions
        self.film_dims, self.mish, self.trunk = network.film_dims, network.mish, network.trunk
        observation = network.film_observation
        self._evaluation = 0
        asked = _AskedTimes(network)
        with torch.no_grad():
            sample(asked, observation.weight.new_zeros(shape), observation.weight.new_zeros(1, observation.in_features))
            films = torch.cat(asked.embeddings)
        # The bias takes the first evaluation's share; a one-step sampler needs no more.
        self.film_observation = linear(observation.weight, observation.bias + films[0])
        self.register_buffer("films", films - films[:1], persistent=False)

    def restart(self) -> None:
        """The next evaluation is the first one."""
        self._evaluation = 0

    def embed(self, t: Tensor, r: Tensor | None = None) -> Tensor:
        """The constant of this evaluation; t and r are not read."""
        self._evaluation += 1
        return self.films[self._evaluation - 1 : self._evaluation]

    def output(self, z: Tensor, embedding: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See `SpecializedNetwork`."""
        films = self.film_observation(self.mish(features))
        if len(self.films) > 1:
            films = films + embedding
        return self.trunk(z[0], list(films.split(self.film_dims, dim=-1)))[None], []


class _AskedTimes(PolicyNetwork):
    """Records the embeddings that a sampler asks for and evaluates nothing."""

    def __init__(self, network: SpecializedNetwork):
        nn.Module.__init__(self)
        self._predicts_actions = network._predicts_actions
        self._network = network
        self.embeddings: list[Tensor] = []

    def embed(self, t: Tensor, r: Tensor | None = None) -> Tensor:
        self.embeddings.append(self._network.embed(t, r))
        return self.embeddings[-1]

    def output(self, z: Tensor, embedding: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        return z, []


def count_weights(module: nn.Module) -> int:
    """Numbers that a graph of `module` holds, every shared tensor once. Works on the meta device."""
    return sum(parameter.numel() for parameter in module.parameters())


def on_rows(module: nn.Module) -> nn.Module:
    """A copy of an encoder or embedding that shares the weights: its `Linear` are `RowLinear`, its Mish by sigmoid."""
    if isinstance(module, nn.Linear):
        return RowLinear(module)
    if isinstance(module, nn.Mish):
        return SigmoidMish()
    copied = copy.copy(module)
    copied._modules = {name: None if child is None else on_rows(child) for name, child in module._modules.items()}
    return copied
