"""Min-max normalisation of one key: physical units to [-1, 1] and back."""

from dataclasses import dataclass

import numpy as np
import torch

MIN_RANGE = 1e-4
"""A channel whose training range is smaller is only shifted, so that a tiny later motion is not magnified."""


@dataclass(frozen=True)
class MinMaxStats:
    """Smallest and largest value of every channel over the training set, physical units, float32 [C].

    The channels are the last axis of a vector (D,) or a cloud (N, C), and the first axis of an image (C, H, W).
    """

    min: np.ndarray
    max: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "MinMaxStats":
        """Statistics of `rows` [N, *shape]."""
        channel_axis = 1 if rows.ndim == 4 else rows.ndim - 1
        others = tuple(axis for axis in range(rows.ndim) if axis != channel_axis)
        return cls(rows.min(axis=others).astype(np.float32), rows.max(axis=others).astype(np.float32))

    def to_dict(self) -> dict[str, list[float]]:
        """As in the manifest: `{"min": [...], "max": [...]}`."""
        return {"min": self.min.tolist(), "max": self.max.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, list[float]]) -> "MinMaxStats":
        """Reads `to_dict` output."""
        return cls(np.asarray(values["min"], np.float32), np.asarray(values["max"], np.float32))


class Normalizer(torch.nn.Module):
    """`normalized = physical * scale + offset`, channel by channel of values with any leading shape.

    scale = 2 / (max - min), offset = -1 - scale * min; where max - min < MIN_RANGE scale = 1, offset = -min.

    Args:
        stats: of the key.
        rank: number of axes of one step: 1 a vector, 2 a cloud, 3 an image.
    """

    scale: torch.Tensor
    offset: torch.Tensor

    def __init__(self, stats: MinMaxStats, rank: int = 1):
        super().__init__()
        low, high = stats.min.astype(np.float64), stats.max.astype(np.float64)
        constant = high - low < MIN_RANGE
        scale = np.where(constant, 1.0, 2.0 / np.where(constant, 1.0, high - low))
        offset = np.where(constant, -low, -1.0 - scale * low)
        shape = (-1, 1, 1) if rank == 3 else (-1,)
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32).reshape(shape))
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float32).reshape(shape))

    def forward(self, physical: torch.Tensor) -> torch.Tensor:
        """Physical units to network units, any leading shape."""
        return physical * self.scale + self.offset

    def inverse(self, normalized: torch.Tensor) -> torch.Tensor:
        """Network units to physical units, any leading shape."""
        return (normalized - self.offset) / self.scale


class ObservationNormalizer(torch.nn.Module):
    """One `Normalizer` a key."""

    def __init__(self, stats: dict[str, MinMaxStats], shapes: dict[str, tuple[int, ...]]):
        super().__init__()
        self._keys = list(shapes)
        self.normalizers = torch.nn.ModuleList(Normalizer(stats[key], len(shape)) for key, shape in shapes.items())

    def forward(self, observation: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Every key in network units, `observation[key]` [..., *shape]."""
        return {key: normalizer(observation[key]) for key, normalizer in zip(self._keys, self.normalizers, strict=True)}

    def inverse(self, normalized: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Every key in physical units."""
        return {
            key: normalizer.inverse(normalized[key])
            for key, normalizer in zip(self._keys, self.normalizers, strict=True)
        }
