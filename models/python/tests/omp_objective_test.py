"""The OMP objective: its targets, its answer for a point mass, and what it teaches."""

import dataclasses

import pytest
import torch
from torch import Tensor

from omp_models.config import PolicyConfig, TrainConfig
from omp_models.errors import OmpModelsError
from omp_models.network import VelocityNetwork
from omp_models.objectives import create_objective
from omp_models.objectives.losses import adaptive_mse, directional_alignment, dispersive
from omp_models.train import Training


class AffineNetwork:
    """`u = a z - 0.4 t + 0.3 r`, so `du/dt = a v - 0.4`; remembers where it was asked last."""

    def __init__(self) -> None:
        self.a = torch.tensor(0.7, requires_grad=True)

    def encode(self, observation: Tensor) -> Tensor:
        return observation.flatten(1)

    def __call__(self, z: Tensor, r: Tensor, t: Tensor, features: Tensor) -> Tensor:
        return self.a * z + (0.3 * r - 0.4 * t)[:, None, None]

    def velocity(self, z: Tensor, r: Tensor, t: Tensor, features: Tensor) -> tuple[Tensor, list[Tensor]]:
        self.z, self.r, self.t = z, r, t
        return self(z, r, t, features), [self.a * z]


@pytest.mark.parametrize("derivative", ["jvp", "dde"])
@pytest.mark.parametrize("flow_ratio", [0.0, 0.25, 1.0])
def test_the_target_is_the_velocity_less_what_it_changes_and_is_constant(
    train_config: TrainConfig, derivative: str, flow_ratio: float
) -> None:
    config = dataclasses.replace(train_config, derivative=derivative, flow_ratio=flow_ratio)
    generator = torch.Generator().manual_seed(0)
    actions, observation = torch.rand(64, 8, 2, generator=generator), torch.zeros(64, 2, 3)
    network = AffineNetwork()
    losses = create_objective(config).losses(network, observation, actions, generator)
    losses.total.backward()
    gradient, network.a.grad = network.a.grad, None

    z, r, t = network.z, network.r, network.t
    assert (r > 0).all() and (r <= t).all() and (t < 1).all()
    assert (r == t).sum() == round(64 * flow_ratio)
    velocity = (z - actions) / t[:, None, None]
    noise = actions + velocity
    assert noise.mean().abs() < 0.2
    assert noise.std().item() == pytest.approx(1, abs=0.1)

    target = velocity - (t - r)[:, None, None] * (network.a.detach() * velocity - 0.4)
    predicted, levels = network.velocity(z, r, t, observation)
    expected = {
        "mse": adaptive_mse(predicted - target),
        "directional": directional_alignment(velocity, predicted),
        "dispersive": dispersive(levels),
    }
    for name, value in expected.items():
        assert losses.terms[name].item() == pytest.approx(value.item(), rel=1e-4), name
        assert not losses.terms[name].requires_grad
    total = expected["mse"] + 0.1 * expected["directional"] + 0.5 * expected["dispersive"]
    total.backward()
    assert losses.total.item() == pytest.approx(total.item(), rel=1e-4)
    torch.testing.assert_close(gradient, network.a.grad, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("derivative", ["jvp", "dde"])
def test_a_network_that_answers_a_point_mass_has_nothing_to_learn(train_config: TrainConfig, derivative: str) -> None:
    config = dataclasses.replace(train_config, derivative=derivative)
    torch.manual_seed(0)
    network = VelocityNetwork(config.policy)
    last = network.trunk.final[-1]
    action = torch.tensor([0.25, -0.6])
    with torch.no_grad():
        last.weight.zero_()
        last.bias.copy_(action)
    losses = create_objective(config).losses(
        network, torch.zeros(64, 2, 3), action.expand(64, 8, 2), torch.Generator().manual_seed(0)
    )
    assert losses.terms["mse"].item() == pytest.approx(0, abs=1e-6)
    assert losses.terms["directional"].item() == pytest.approx(0, abs=1e-5)


def test_one_step_reaches_both_modes_of_a_distribution() -> None:
    policy = PolicyConfig(
        observation_dims={"observation.state": 1},
        action_dim=1,
        n_obs_steps=1,
        horizon=4,
        n_action_steps=1,
        lead_steps=0,
        down_dims=(16, 32),
        time_embedding_dim=16,
        encoder_hidden_dim=8,
        encoder_feature_dim=4,
    )
    training = Training(TrainConfig(policy=policy, steps=350, warmup_steps=20, learning_rate=5e-3))
    observation = torch.zeros(128, 1, 1)
    sides = torch.where(torch.arange(128) % 2 == 0, 0.8, -0.8)
    for _ in range(training.config.steps):
        training.advance(observation, sides[:, None, None].expand(128, 4, 1))

    network = training.average.network
    noise = torch.randn(512, 4, 1, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        features = network.encode(observation[:1]).expand(512, -1)
        samples = noise - network(noise, torch.zeros(512), torch.ones(512), features)
    for side in (0.8, -0.8):
        near = ((samples - side).abs() < 0.3).flatten(1).all(dim=1)
        assert near.float().mean() > 0.3, f"{near.sum()} of 512 samples lie near {side}"


def test_unknown_names_are_refused(train_config: TrainConfig) -> None:
    for change in ({"objective": "diffusion"}, {"derivative": "exact"}):
        with pytest.raises(OmpModelsError, match=next(iter(change.values()))) as raised:
            create_objective(dataclasses.replace(train_config, **change))
        assert raised.value.code == "CONFIG_INVALID"
