"""Made-up rows of three episodes, which the importers' tests store in each format, and how these are read back."""

from pathlib import Path
from typing import Any

import numpy as np

from omp_models.importers.open_recording import import_recording
from omp_models.importers.recording import ImportOptions

LENGTHS = (7, 5, 9)
ENDS = np.cumsum(LENGTHS)


def rows_of(dim: int, seed: int) -> np.ndarray:
    """The rows of all episodes, float32 [21, dim]."""
    return np.random.default_rng(seed).standard_normal((ENDS[-1], dim)).astype(np.float32)


STATE, ACTION = rows_of(3, 0), rows_of(2, 1)


def read(path: Path, **options: Any) -> dict[str, np.ndarray]:
    """Imports with `options`, the format found out."""
    return import_recording(path, None, ImportOptions(**options), lambda done, total: None)
