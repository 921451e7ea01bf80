"""The terms of the loss against values worked out by hand."""

import math

import pytest
import torch

from omp_models.objectives.losses import adaptive_mse, directional_alignment, dispersive


def at_angle(degrees: float, length: float = 1.0) -> torch.Tensor:
    """A sample [1, 2, 1] at an angle to the first axis."""
    angle = math.radians(degrees)
    return length * torch.tensor([math.cos(angle), math.sin(angle)]).reshape(1, 2, 1)


def test_adaptive_mse_divides_by_its_own_root_which_carries_no_gradient() -> None:
    error = torch.tensor([[[2.0], [0.0]], [[0.1], [0.1]]], requires_grad=True)
    loss = adaptive_mse(error)
    loss.backward()
    roots = [math.sqrt(2.001), math.sqrt(0.011)]
    assert loss.item() == pytest.approx((2 / roots[0] + 0.01 / roots[1]) / 2)
    # d = (a^2 + b^2) / 2, so its gradient is (a, b); half of it for the mean over two samples.
    expected = torch.tensor([[[2 / roots[0]], [0]], [[0.1 / roots[1]], [0.1 / roots[1]]]]) / 2
    torch.testing.assert_close(error.grad, expected)


@pytest.mark.parametrize("degrees", [0, 60, 90, 120, 170])
@pytest.mark.parametrize("length", [0.1, 1.0, 30.0])
def test_directional_alignment_depends_on_the_angle_alone(degrees: float, length: float) -> None:
    expected = -math.log((math.cos(math.radians(degrees)) + 1) / 2)
    loss = directional_alignment(at_angle(0), at_angle(degrees, length))
    assert loss.item() == pytest.approx(expected, rel=2e-3, abs=2e-5)


def test_directional_alignment_is_a_mean_over_whole_samples() -> None:
    velocity = torch.cat([at_angle(0), at_angle(0)])
    loss = directional_alignment(velocity, torch.cat([at_angle(90), at_angle(0)]))
    assert loss.item() == pytest.approx(math.log(2) / 2, rel=1e-4)


@pytest.mark.parametrize(
    "predicted",
    [at_angle(180), at_angle(180, 1e-8), at_angle(180 - 1e-3), at_angle(179.9, 1e-4), torch.zeros(1, 2, 1)],
    ids=["antiparallel", "antiparallel and short", "nearly antiparallel", "short", "zero"],
)
def test_directional_alignment_has_a_bounded_gradient_everywhere(predicted: torch.Tensor) -> None:
    predicted = predicted.clone().requires_grad_()
    loss = directional_alignment(at_angle(0), predicted)
    loss.backward()
    assert 0 <= loss.item() <= -math.log(1e-6) + 1e-3
    # tan(angle / 2) / |predicted| at both clamps.
    assert predicted.grad is not None
    assert predicted.grad.norm().item() <= 1e3 / 1e-3


def test_dispersive_equals_its_formula() -> None:
    level = torch.tensor([0.0, 1.0, 3.0]).reshape(3, 1, 1)
    pairs = math.exp(-1 / 9) + math.exp(-4 / 9) + math.exp(-1)
    expected = math.log((3 + 2 * pairs) / 9)
    assert dispersive([level]).item() == pytest.approx(expected, abs=1e-6)
    assert dispersive([level, 10 * level]).item() == pytest.approx(2 * expected, abs=1e-6)


def test_dispersive_lies_between_collapsed_and_spread_out() -> None:
    generator = torch.Generator().manual_seed(0)
    collapsed = torch.ones(16, 8, 4, requires_grad=True)
    loss = dispersive([collapsed])
    loss.backward()
    assert loss.item() == pytest.approx(0, abs=1e-6)
    assert collapsed.grad is not None and collapsed.grad.isfinite().all()
    spread = dispersive([100 * torch.eye(64)]).item()
    random = dispersive([torch.randn(16, 8, 4, generator=generator)]).item()
    assert -1 <= spread < -0.97
    assert spread < random < 0
