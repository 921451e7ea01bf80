"""The networks are those of the papers, parameter for parameter, and encode every step by itself."""

import pytest
import torch
from torch import nn

from omp_models.config import PolicyConfig
from omp_models.networks import PolicyNetwork, full_precision
from omp_models.networks.encoders import ImageEncoder, PointCloudEncoder
from omp_models.networks.resnet import ResNet18
from omp_models.networks.unet import ConvBlock

FULL, MIDDLE, SIMPLE = (512, 1024, 2048), (256, 512, 1024), (128, 256, 384)
SEEN = {"observation.image": (3, 32, 32), "observation.point_cloud": (16, 3), "observation.state": (5,)}


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def published(objective: str, down_dims: tuple[int, ...], state_dim: int, action_dim: int) -> PolicyNetwork:
    """A point-cloud policy as DP3 and MP1 configure it, without memory for its weights."""
    config = PolicyConfig(
        observation_shapes={"observation.point_cloud": (512, 3), "observation.state": (state_dim,)},
        action_dim=action_dim,
        horizon=4,
        n_action_steps=2,
        objective=objective,
        down_dims=down_dims,
        encoder_hidden_dim=64,
    )
    with torch.device("meta"):
        return PolicyNetwork(config)


def test_dp3_on_the_adroit_hammer_has_its_published_size():
    """The counts that DP3's own code prints: 255.2181 M, 0.0648 M of them in the encoder."""
    network = published("dp3", FULL, state_dim=24, action_dim=26)
    assert round(parameters(network) / 1e6, 4) == 255.2181
    assert round(parameters(network.encoder) / 1e6, 4) == 0.0648
    assert round((parameters(network) - parameters(network.encoder)) / 1e6, 4) == 255.1533


def test_the_point_encoder_has_its_published_size():
    assert parameters(published("dp3", SIMPLE, 9, 4).encoder.visuals[0]) == 59_072


@pytest.mark.parametrize(("down_dims", "millions"), [(FULL, 255.8), (MIDDLE, 67.4), (SIMPLE, 13.9)])
def test_mp1_on_meta_world_has_its_published_size(down_dims, millions):
    """MP1 at full width, and the same network at two smaller ones; its unused MLP 4-512-512-512-1 is left out here."""
    unused = 4 * 512 + 512 + 2 * (512 * 512 + 512) + 512 + 1
    network = published("mp1", down_dims, state_dim=9, action_dim=4)
    assert round((parameters(network) + unused) / 1e6, 1) == millions


def test_resnet_has_its_published_size():
    """ResNet-18 has 11,689,512 parameters, 513,000 of them in the classifier that we leave out."""
    with torch.device("meta"):
        assert parameters(ResNet18(3)) == 11_689_512 - 513_000


@pytest.mark.parametrize(("channels", "forgets"), [(8, True), (16, False)])
def test_a_level_of_one_channel_a_group_forgets_its_input_at_length_one(channels, forgets):
    """Why the configuration refuses 8 channels."""
    torch.manual_seed(0)
    output = ConvBlock(3, channels)(torch.randn(5, 3, 1))
    assert torch.allclose(output, output[:1].expand_as(output), atol=1e-4) == forgets


def test_the_order_of_points_does_not_matter():
    torch.manual_seed(0)
    encoder, cloud = PointCloudEncoder(3, 64), torch.randn(2, 100, 3)
    torch.testing.assert_close(encoder(cloud), encoder(cloud[:, torch.randperm(100)]))


def test_an_image_of_any_size_is_encoded():
    encoder = ImageEncoder(3, 64)
    assert encoder(torch.randn(2, 3, 84, 84)).shape == (2, 64)
    assert encoder(torch.randn(2, 3, 96, 128)).shape == (2, 64)


def test_every_step_is_encoded_by_itself():
    torch.manual_seed(0)
    config = PolicyConfig(observation_shapes=SEEN, encoder_feature_dim=8)
    network = PolicyNetwork(config)
    observation = {key: torch.randn(3, 2, *shape) for key, shape in SEEN.items()}
    steps = [network.encoder.encode_step({key: value[:, i] for key, value in observation.items()}) for i in (0, 1)]
    torch.testing.assert_close(network.encode(observation), torch.cat(steps, dim=1), atol=1e-6, rtol=1e-4)
    assert network.encoder.step_features == 3 * 8


@pytest.mark.parametrize("prediction", ["actions", "velocity"])
def test_mixed_precision_is_close_and_leaves_derivatives_alone(prediction):
    torch.manual_seed(0)
    config = PolicyConfig(observation_shapes={"observation.state": (5,)}, prediction=prediction)
    network = PolicyNetwork(config)
    observation = {"observation.state": torch.randn(4, 2, 5)}
    z, r, t = torch.randn(4, 16, 6), torch.zeros(4), torch.ones(4)
    exact = network(z, r, t, network.encode(observation))
    network.mixed_precision = True
    mixed = network(z, r, t, network.encode(observation))
    assert mixed.dtype == torch.float32
    assert 0 < (mixed - exact).abs().max() < 0.1
    with full_precision(network):
        assert torch.equal(network(z, r, t, network.encode(observation)), exact)
    assert network.mixed_precision
