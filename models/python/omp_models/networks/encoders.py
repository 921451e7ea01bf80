"""Encoders of observations. Every observed step is encoded by itself, so that an older step's features can be kept."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from ..config import PolicyConfig, Shape
from .resnet import ResNet18

POINT_DIMS = (64, 128, 256)


class PointCloudEncoder(nn.Module):
    """PointNet of DP3 (arXiv 2403.03954): an MLP a point, the maximum over the points, a projection.

    [B, N, C] to [B, feature_dim], for any number N of points in any order.
    """

    def __init__(self, channels: int, feature_dim: int):
        super().__init__()
        dims = (channels, *POINT_DIMS)
        layers = [layer for i, o in pairwise(dims) for layer in (nn.Linear(i, o), nn.LayerNorm(o), nn.ReLU())]
        self.points = nn.Sequential(*layers)
        self.projection = nn.Sequential(nn.Linear(dims[-1], feature_dim), nn.LayerNorm(feature_dim))

    def forward(self, cloud: Tensor) -> Tensor:
        """Features of normalised clouds."""
        return self.projection(self.points(cloud).amax(dim=-2))


class ImageEncoder(nn.Sequential):
    """ResNet-18 with GroupNorm (Diffusion Policy, arXiv 2303.04137) and a projection; [B, C, H, W] to [B, feature]."""

    def __init__(self, channels: int, feature_dim: int):
        super().__init__(ResNet18(channels), nn.Linear(ResNet18.FEATURES, feature_dim))


class ObservationEncoder(nn.Module):
    """Features of one step: every cloud and image in order of the keys, then all vectors through one MLP."""

    def __init__(self, config: PolicyConfig):
        super().__init__()
        shapes = config.observation_shapes
        self._vectors = [key for key, shape in shapes.items() if len(shape) == 1]
        self._visuals = [key for key, shape in shapes.items() if len(shape) > 1]
        self.visuals = nn.ModuleList(_visual_encoder(shapes[key], config.encoder_feature_dim) for key in self._visuals)
        self.state = None
        if self._vectors:
            self.state = nn.Sequential(
                nn.Linear(sum(shapes[key][0] for key in self._vectors), config.encoder_hidden_dim),
                nn.ReLU(),
                nn.Linear(config.encoder_hidden_dim, config.encoder_feature_dim),
            )
        self.step_features = config.encoder_feature_dim * (len(self._visuals) + (self.state is not None))
        """Features of one step."""

    def encode_step(self, step: dict[str, Tensor]) -> Tensor:
        """Features [B, F] of one normalised step, `step[key]` [B, *shape]."""
        features = [encoder(step[key]) for key, encoder in zip(self._visuals, self.visuals, strict=True)]
        if self.state is not None:
            features.append(self.state(torch.cat([step[key] for key in self._vectors], dim=-1)))
        return torch.cat(features, dim=-1)

    def forward(self, observation: dict[str, Tensor]) -> Tensor:
        """Features [B, To * F], oldest step first, of normalised observations, `observation[key]` [B, To, *shape]."""
        batch = next(iter(observation.values())).shape[0]
        steps = {key: observation[key].flatten(0, 1) for key in (*self._visuals, *self._vectors)}
        return self.encode_step(steps).reshape(batch, -1)


def _visual_encoder(shape: Shape, feature_dim: int) -> PointCloudEncoder | ImageEncoder:
    """The encoder of a cloud (N, C) or an image (C, H, W)."""
    return PointCloudEncoder(shape[1], feature_dim) if len(shape) == 2 else ImageEncoder(shape[0], feature_dim)
