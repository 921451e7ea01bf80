"""A specialized network is the network it was made from: same values, no tap that matters removed."""

import pytest
import torch
from torch import nn

from omp_models.config import PREDICTIONS, PolicyConfig
from omp_models.networks import PolicyNetwork
from omp_models.objectives.mean_flow import sample_one_step
from omp_models.specialize import FixedTimeSampler, SpecializedNetwork, count_weights
from omp_models.specialize.layers import RowConvolution, RowGroupNorm, RowTransposedConvolution, SigmoidMish
from omp_models.specialize.network import Sample
from omp_models.specialize.taps import PADDING, convolution_taps, transposed_taps

MAX_ERROR = 1e-5
PUBLISHED = (512, 1024, 2048)
SHAPES = [
    (4, (16, 32, 64)),
    (8, (64, 128, 256)),
    (16, (16, 32, 64)),
    (32, (16, 24, 32)),
    (2, (16, 32)),
    (4, (32, 64)),
    (16, (64, 128)),
    (4, (24,)),
    (8, (16, 24, 32, 40)),
]


def _network(horizon: int, down_dims: tuple[int, ...], prediction: str = "actions", device: str = "cpu"):
    config = PolicyConfig(
        horizon=horizon, down_dims=down_dims, n_action_steps=1, lead_steps=0, n_obs_steps=2, prediction=prediction
    )
    torch.manual_seed(horizon + sum(down_dims))
    with torch.device(device):
        network = PolicyNetwork(config)
    if device == "cpu":
        # Biases and norms start at 0 and 1, where an error in them would not show.
        for parameter in network.parameters():
            if parameter.ndim == 1:
                nn.init.normal_(parameter, std=0.5)
    return network.eval().requires_grad_(False), config


def _inputs(network: PolicyNetwork, horizon: int) -> tuple[torch.Tensor, torch.Tensor]:
    observation = {"observation.state": torch.randn(1, 2, 6), "observation.environment_state": torch.randn(1, 2, 4)}
    return torch.randn(1, horizon, 6), network.encode(observation)


def _two_steps(network: PolicyNetwork, noise: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    middle, start, end = (torch.full((len(noise),), time) for time in (0.4, 0.0, 1.0))
    halfway = noise - 0.6 * network(noise, middle, end, features)
    return halfway - 0.4 * network(halfway, start, middle, features)


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize(("horizon", "down_dims"), SHAPES)
def test_velocity_is_that_of_the_network(horizon: int, down_dims: tuple[int, ...], prediction: str) -> None:
    network, _ = _network(horizon, down_dims, prediction)
    specialized = SpecializedNetwork(network, horizon)
    for r, t in ((0.0, 1.0), (0.2, 0.7), (0.5, 0.5)):
        z, features = _inputs(network, horizon)
        times = torch.tensor([r]), torch.tensor([t])
        difference = specialized(z, *times, features) - network(z, *times, features)
        assert difference.abs().max() <= MAX_ERROR


@pytest.mark.parametrize("prediction", PREDICTIONS)
@pytest.mark.parametrize("sample", [sample_one_step, _two_steps])
@pytest.mark.parametrize(("horizon", "down_dims"), SHAPES)
def test_a_sampler_of_fixed_times_gives_the_same_actions(
    horizon: int, down_dims: tuple[int, ...], sample: Sample, prediction: str
) -> None:
    network, config = _network(horizon, down_dims, prediction)
    sampler = FixedTimeSampler(network, sample, config)
    for _ in range(2):
        z, features = _inputs(network, horizon)
        assert (sampler(z, features) - sample(network, z, features)).abs().max() <= MAX_ERROR


@pytest.mark.parametrize(("kernel_size", "stride", "padding"), [(5, 1, 2), (3, 1, 1), (3, 2, 1), (1, 1, 0)])
@pytest.mark.parametrize("length", range(1, 12))
def test_a_removed_tap_changes_no_value(kernel_size: int, stride: int, padding: int, length: int) -> None:
    convolution = nn.Conv1d(3, 4, kernel_size, stride=stride, padding=padding).requires_grad_(False)
    taps = convolution_taps(length, kernel_size, stride, padding)
    x = torch.randn(length, 3)
    expected = convolution(x.T[None])[0].T
    dead = [k for k in range(kernel_size) if k not in taps.kernel]
    convolution.weight[:, :, dead] = 1e9
    torch.testing.assert_close(convolution(x.T[None])[0].T, expected, rtol=0, atol=0)
    torch.testing.assert_close(RowConvolution(convolution, length)(x), expected, rtol=0, atol=MAX_ERROR)
    for kept in range(len(taps.kernel)):
        assert any(position[kept] != PADDING for position in taps.rows), "a dead tap is kept"


@pytest.mark.parametrize("length", range(1, 10))
def test_transposed_convolution(length: int) -> None:
    convolution = nn.ConvTranspose1d(3, 5, 4, stride=2, padding=1).requires_grad_(False)
    x = torch.randn(length, 3)
    expected = convolution(x.T[None])[0].T
    torch.testing.assert_close(RowTransposedConvolution(convolution, length)(x), expected, rtol=0, atol=MAX_ERROR)
    kept = sum(len(taps.kernel) for taps in transposed_taps(length, 4, 2, 1))
    assert kept == (2 if length == 1 else 4)


@pytest.mark.parametrize(("length", "live"), [(1, 1), (2, 3), (3, 5), (16, 5)])
def test_live_taps_of_kernel_5(length: int, live: int) -> None:
    assert len(convolution_taps(length, 5, 1, 2).kernel) == live


@pytest.mark.parametrize("length", [1, 2, 5])
def test_group_norm_and_mish(length: int) -> None:
    norm = nn.GroupNorm(4, 24).requires_grad_(False)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    x = 3 * torch.randn(length, 24) + 1
    torch.testing.assert_close(RowGroupNorm(norm, length)(x), norm(x.T[None])[0].T, rtol=0, atol=MAX_ERROR)
    wide = torch.linspace(-100, 100, 4001)
    torch.testing.assert_close(SigmoidMish()(wide), nn.Mish()(wide), rtol=1e-6, atol=1e-6)


def test_a_third_of_the_weights_at_horizon_4() -> None:
    network, config = _network(4, PUBLISHED, device="meta")
    sampler = FixedTimeSampler(network, sample_one_step, config)
    ratio = (count_weights(sampler) + count_weights(network.encoder)) / count_weights(network)
    assert ratio <= 1 / 3


@pytest.mark.parametrize("horizon", [4, 8, 16, 32])
def test_never_more_weights_than_the_network(horizon: int) -> None:
    network, _ = _network(horizon, PUBLISHED, device="meta")
    assert count_weights(SpecializedNetwork(network, horizon)) <= count_weights(network)
