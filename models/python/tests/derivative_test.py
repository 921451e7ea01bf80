"""The total derivative of the velocity, against forward mode and against a flow whose answer is known."""

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from omp_models.config import PREDICTIONS, PolicyConfig, TrainConfig
from omp_models.networks import PolicyNetwork
from omp_models.objectives.derivative import time_derivative_dde, time_derivative_jvp
from omp_models.objectives.mean_flow import PathPoints, path_correction

EPSILON = 0.005

Point = tuple[Tensor, Tensor, Tensor, Tensor, Tensor]


def point(config: PolicyConfig, dtype: torch.dtype) -> Point:
    """z, r, t, v and features of 32 samples."""
    generator = torch.Generator().manual_seed(1)
    z, v = torch.randn(2, 32, config.horizon, config.action_dim, generator=generator).to(dtype)
    t = torch.linspace(0.2, 1, 32, dtype=dtype)
    features = torch.randn(32, config.n_obs_steps * config.encoder_feature_dim, generator=generator).to(dtype)
    return z, t * 0.6, t, v, features


@pytest.fixture(params=PREDICTIONS)
def network(policy_config: PolicyConfig, request: pytest.FixtureRequest) -> PolicyNetwork:
    """A network of which every input moves the output."""
    torch.manual_seed(0)
    return PolicyNetwork(dataclasses.replace(policy_config, down_dims=(16, 32), prediction=request.param))


def relative_error(found: Tensor, exact: Tensor) -> float:
    """Of the whole batch."""
    return ((found - exact).norm() / exact.norm()).item()


def test_central_difference_agrees_with_forward_mode(network: PolicyNetwork, policy_config: PolicyConfig) -> None:
    z, r, t, v, features = point(policy_config, torch.float32)
    exact = time_derivative_jvp(network, z, r, t, v, features)
    found = time_derivative_dde(network, z, r, t, v, features, EPSILON)
    assert exact.norm() > 1
    assert not exact.requires_grad and not found.requires_grad
    assert relative_error(found, exact) <= 1e-3


def test_error_of_the_central_difference_is_of_second_order(
    network: PolicyNetwork, policy_config: PolicyConfig
) -> None:
    network = network.double()
    inputs = point(policy_config, torch.float64)
    exact = time_derivative_jvp(network, *inputs)
    coarse, fine = (relative_error(time_derivative_dde(network, *inputs, e), exact) for e in (0.01, 0.005))
    assert coarse / fine == pytest.approx(4, rel=0.1)


@pytest.mark.parametrize("derivative", ["jvp", "dde"])
def test_mixed_precision_leaves_the_target_alone(
    network: PolicyNetwork, policy_config: PolicyConfig, derivative: str
) -> None:
    z, r, t, v, features = point(policy_config, torch.float32)
    config = TrainConfig(derivative=derivative, dde_epsilon=EPSILON)
    arguments = (config, network, PathPoints(z, v, r, t, first_moving=0), v, features)
    exact = path_correction(*arguments)
    network.mixed_precision = True
    assert torch.equal(path_correction(*arguments), exact)
    assert network.mixed_precision


def test_a_central_difference_does_not_survive_bfloat16(network: PolicyNetwork, policy_config: PolicyConfig) -> None:
    """Why the target is left alone."""
    inputs = point(policy_config, torch.float32)
    exact = time_derivative_jvp(network, *inputs)
    network.mixed_precision = True
    assert relative_error(time_derivative_dde(network, *inputs, EPSILON), exact) > 0.05


def deviation(t: Tensor) -> Tensor:
    """Standard deviation of z at time t when data and noise are both standard normal."""
    return ((1 - t) ** 2 + t**2).sqrt()


def gaussian_velocity(z: Tensor, r: Tensor, t: Tensor, features: Tensor) -> Tensor:
    """Average velocity of the flow from N(0, 1) to N(0, 1): every path keeps z / deviation."""
    share = 1 - deviation(r) / deviation(t)
    return z * (share / (t - r))[:, None, None]


@pytest.mark.parametrize("derivative", ["jvp", "dde"])
def test_the_average_velocity_of_a_gaussian_flow_obeys_the_identity(derivative: str) -> None:
    generator = torch.Generator().manual_seed(2)
    z = torch.randn(16, 4, 2, generator=generator, dtype=torch.float64)
    t = torch.linspace(0.3, 1, 16, dtype=torch.float64)
    r = t - torch.linspace(0.05, 0.3, 16, dtype=torch.float64)
    features = torch.zeros(16, 1, dtype=torch.float64)
    v = z * ((2 * t - 1) / deviation(t) ** 2)[:, None, None]
    functions: dict[str, Callable[..., Tensor]] = {
        "jvp": time_derivative_jvp,
        "dde": lambda *args: time_derivative_dde(*args, 1e-3),
    }
    du_dt = functions[derivative](gaussian_velocity, z, r, t, v, features)
    u = gaussian_velocity(z, r, t, features)
    torch.testing.assert_close(v - (t - r)[:, None, None] * du_dt, u, rtol=1e-5, atol=1e-5)
    assert du_dt.abs().max() > 0.1
