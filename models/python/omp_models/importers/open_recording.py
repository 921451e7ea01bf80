"""A recording of any known format, found out by its files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.importers.dp3_zarr import import_dp3_zarr, is_dp3_zarr
from omp_models.importers.lerobot import import_lerobot, is_lerobot
from omp_models.importers.recording import ImportOptions, OnEpisode

FORMATS: dict[str, Callable[[Path, ImportOptions, OnEpisode], dict[str, np.ndarray]]] = {
    "dp3-zarr": import_dp3_zarr,
    "lerobot": import_lerobot,
}


def detect_format(path: Path) -> str:
    """Name of the format of the folder `path`. Raises DATASET_INVALID where it is none."""
    for name, matches in {"dp3-zarr": is_dp3_zarr, "lerobot": is_lerobot}.items():
        if matches(path):
            return name
    raise OmpModelsError(
        "DATASET_INVALID",
        f"{path}: neither meta/info.json (LeRobot) nor meta/episode_ends/.zarray (zarr of DP3) is there",
    )


def import_recording(
    path: Path, format_name: str | None, options: ImportOptions, on_episode: OnEpisode
) -> dict[str, np.ndarray]:
    """The arrays of a demonstration file. Raises DATASET_INVALID, CONFIG_INVALID, PACKAGE_MISSING."""
    return FORMATS[format_name or detect_format(path)](path, options, on_episode)
