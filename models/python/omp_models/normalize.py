"""Min-max normalisation of one vector: physical units to [-1, 1] and back."""

from dataclasses import dataclass

import numpy as np
import torch

MIN_RANGE = 1e-4
"""A dimension whose training range is smaller is only shifted, so that a tiny later motion is not magnified."""


@dataclass(frozen=True)
class MinMaxStats:
    """Smallest and largest value of every dimension over the training set, physical units, float32 [D]."""

    min: np.ndarray
    max: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> "MinMaxStats":
        """Statistics of `rows` [N, D]."""
        return cls(rows.min(axis=0).astype(np.float32), rows.max(axis=0).astype(np.float32))

    def to_dict(self) -> dict[str, list[float]]:
        """As in the manifest: `{"min": [...], "max": [...]}`."""
        return {"min": self.min.tolist(), "max": self.max.tolist()}

    @classmethod
    def from_dict(cls, values: dict[str, list[float]]) -> "MinMaxStats":
        """Reads `to_dict` output."""
        return cls(np.asarray(values["min"], np.float32), np.asarray(values["max"], np.float32))


class Normalizer(torch.nn.Module):
    """`normalized = physical * scale + offset`, element by element of the last axis.

    scale = 2 / (max - min), offset = -1 - scale * min; where max - min < MIN_RANGE scale = 1, offset = -min.
    """

    scale: torch.Tensor
    offset: torch.Tensor

    def __init__(self, stats: MinMaxStats):
        super().__init__()
        low, high = stats.min.astype(np.float64), stats.max.astype(np.float64)
        constant = high - low < MIN_RANGE
        scale = np.where(constant, 1.0, 2.0 / np.where(constant, 1.0, high - low))
        offset = np.where(constant, -low, -1.0 - scale * low)
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.register_buffer("offset", torch.tensor(offset, dtype=torch.float32))

    def forward(self, physical: torch.Tensor) -> torch.Tensor:
        """Physical units to network units, any leading shape."""
        return physical * self.scale + self.offset

    def inverse(self, normalized: torch.Tensor) -> torch.Tensor:
        """Network units to physical units, any leading shape."""
        return (normalized - self.offset) / self.scale
