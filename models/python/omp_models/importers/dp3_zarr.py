"""Demonstrations in the zarr layout that DP3 and MP1 write: groups `data/*` and `meta/episode_ends`."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from omp_models.dataset import ACTION_KEY, check_rows
from omp_models.errors import OmpModelsError
from omp_models.importers.recording import ImportOptions, OnEpisode, choose_keys
from omp_models.importers.zarr_v2 import ARRAY_FILE, GROUP_FILE, read_array

NAMES = {
    "observation.state": "state",
    "observation.environment_state": "full_state",
    "observation.point_cloud": "point_cloud",
    "observation.image": "img",
}
"""Array below `data/` of every observation key. `depth` is not read: the cloud is made of it."""

PICTURES = ("observation.image",)


def is_dp3_zarr(path: Path) -> bool:
    """Whether `path` looks like such a store."""
    return (path / "meta" / "episode_ends" / ARRAY_FILE).is_file() or (path / GROUP_FILE).is_file()


def import_dp3_zarr(path: Path, options: ImportOptions, on_episode: OnEpisode) -> dict[str, np.ndarray]:
    """The arrays of a demonstration file.

    Clouds keep x, y, z and lose their colours; pictures become [0, 1], channels first. The format records no period:
    `options.dt_ms` is it.

    Raises DATASET_INVALID naming file, episode and row, CONFIG_INVALID, PACKAGE_MISSING.
    """
    if options.dt_ms is None and options.needs_period:
        raise OmpModelsError("CONFIG_INVALID", f"{path} does not record the period of a step; give --dt-ms")
    available = [key for key, name in NAMES.items() if (path / "data" / name / ARRAY_FILE).is_file()]
    keys = choose_keys(path, available, [key for key in available if key not in PICTURES], options)
    ends = read_array(path / "meta" / "episode_ends").astype(np.int64)
    if ends.ndim != 1 or len(ends) == 0 or np.any(np.diff(ends, prepend=0) <= 0):
        raise OmpModelsError("DATASET_INVALID", f"{path}/meta/episode_ends: must be increasing and start above 0")
    columns: dict[str, np.ndarray] = {}
    for key in (*keys, ACTION_KEY):
        source = path / "data" / NAMES.get(key, key)
        rows = read_array(source)
        if len(rows) != ends[-1]:
            raise OmpModelsError(
                "DATASET_INVALID", f"{source}: {len(rows)} rows, the last episode ends at row {ends[-1]}"
            )
        columns[key] = CONVERSIONS.get(key, _plain)(source, rows, options)
        check_rows(source, {key: columns[key]}, ends)
    on_episode(len(ends), len(ends))
    return {
        **columns,
        "episode_ends": ends,
        "dt_ms": np.float64(np.nan if options.dt_ms is None else options.dt_ms),
        "seeds": np.arange(len(ends), dtype=np.int64),
    }


def _plain(source: Path, rows: np.ndarray, options: ImportOptions) -> np.ndarray:
    return rows.astype(np.float32)


def _cloud(source: Path, rows: np.ndarray, options: ImportOptions) -> np.ndarray:
    if rows.ndim != 3 or rows.shape[2] < 3:
        raise OmpModelsError(
            "DATASET_INVALID", f"{source}: shape {list(rows.shape)}, [rows, points, 3 or more] expected"
        )
    return rows[..., :3].astype(np.float32)


def _picture(source: Path, rows: np.ndarray, options: ImportOptions) -> np.ndarray:
    size = options.image_size
    if rows.dtype != np.uint8 or rows.shape[1:] != (size, size, 3):
        raise OmpModelsError(
            "DATASET_INVALID",
            f"{source}: {rows.dtype}{list(rows.shape)}, uint8[rows, {size}, {size}, 3] expected; "
            "--image-size names another side",
        )
    return np.moveaxis(rows, 3, 1).astype(np.float32) / 255


CONVERSIONS: dict[str, Callable[[Path, np.ndarray, ImportOptions], np.ndarray]] = {
    "observation.point_cloud": _cloud,
    "observation.image": _picture,
}
