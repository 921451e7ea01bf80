"""Both ways to differentiate along the path agree, and carry no graph."""

import pytest
import torch

from omp_models.config import PolicyConfig
from omp_models.networks import PolicyNetwork
from omp_models.objectives.derivative import time_derivative_dde, time_derivative_jvp

EPSILON = 0.005


@pytest.fixture(params=["actions", "velocity"])
def case(request):
    torch.manual_seed(0)
    config = PolicyConfig(observation_shapes={"observation.state": (3,)}, down_dims=(16, 32), prediction=request.param)
    network = PolicyNetwork(config)
    features = network.encode({"observation.state": torch.randn(16, 2, 3)})
    r = torch.rand(16) * 0.4
    t = r + 0.1 + torch.rand(16) * 0.4
    return network, torch.randn(16, 16, 6), r, t, torch.randn(16, 16, 6), features


def test_central_difference_agrees_with_forward_mode(case):
    exact = time_derivative_jvp(*case)
    difference = time_derivative_dde(*case, EPSILON) - exact
    assert difference.norm() / exact.norm() < 1e-3


def test_its_error_shrinks_with_the_square_of_epsilon(case):
    network, *rest = case
    double = [value.double() for value in rest]
    exact = time_derivative_jvp(network.double(), *double)
    coarse, fine = ((time_derivative_dde(network, *double, e) - exact).norm() for e in (0.02, 0.01))
    assert 3.5 < coarse / fine < 4.5


@pytest.mark.parametrize("derivative", [time_derivative_jvp, lambda *case: time_derivative_dde(*case, EPSILON)])
def test_a_derivative_carries_no_graph(case, derivative):
    assert not derivative(*case).requires_grad
