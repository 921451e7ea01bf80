"""What can be said of another device, and of mixed precision, without a GPU."""

import pytest
import torch
from torch import Tensor

from omp_models.config import OBJECTIVES, PolicyConfig, TrainConfig
from omp_models.device import select_device
from omp_models.errors import OmpModelsError
from omp_models.networks import PolicyNetwork
from omp_models.objectives import Losses, create_objective

SHAPES = {"observation.state": (5,), "observation.point_cloud": (16, 3), "observation.image": (3, 16, 16)}
BATCH = 8


def losses_of(objective: str, derivative: str, device: str, mixed_precision: bool) -> tuple[PolicyNetwork, Losses]:
    """One batch of random values; gradients are computed."""
    policy = PolicyConfig(
        observation_shapes=SHAPES,
        objective=objective,
        horizon=4,
        n_action_steps=2,
        lead_steps=0,
        down_dims=(16, 32),
        encoder_feature_dim=8,
    )
    torch.manual_seed(0)
    network = PolicyNetwork(policy)
    observation: dict[str, Tensor] = {key: torch.randn(BATCH, 2, *shape).to(device) for key, shape in SHAPES.items()}
    actions = torch.rand(BATCH, 4, policy.action_dim).to(device)
    network.to(device).mixed_precision = mixed_precision
    trained = create_objective(TrainConfig(policy=policy, derivative=derivative))
    losses = trained.losses(network, observation, actions, torch.Generator().manual_seed(0))
    losses.total.backward()
    return network, losses


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("derivative", ["jvp", "dde"])
def test_everything_moves_to_another_device(objective: str, derivative: str) -> None:
    """The meta device computes nothing and refuses tensors of the CPU as a GPU does; the generator stays on the CPU."""
    network, losses = losses_of(objective, derivative, "meta", mixed_precision=False)
    assert losses.total.device.type == "meta"
    assert all(parameter.grad.device.type == "meta" for parameter in network.parameters() if parameter.requires_grad)


def test_the_meta_device_refuses_what_was_left_behind() -> None:
    network, _ = losses_of("omp", "dde", "meta", mixed_precision=False)
    with pytest.raises(RuntimeError, match="device"):
        network.encode({key: torch.randn(BATCH, 2, *shape) for key, shape in SHAPES.items()})


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("derivative", ["jvp", "dde"])
def test_mixed_precision_keeps_losses_and_gradients_in_float32(objective: str, derivative: str) -> None:
    _, exact = losses_of(objective, derivative, "cpu", mixed_precision=False)
    network, mixed = losses_of(objective, derivative, "cpu", mixed_precision=True)
    assert mixed.total.dtype == torch.float32
    assert mixed.total != exact.total, "nothing was computed in bfloat16"
    torch.testing.assert_close(mixed.total, exact.total, rtol=0.05, atol=0.01)
    assert {parameter.grad.dtype for parameter in network.parameters() if parameter.grad is not None} == {torch.float32}


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(OmpModelsError, match="use --device cpu") as raised:
        select_device("cuda", threads=1)
    assert raised.value.code == "CONFIG_INVALID"
