"""Demonstrations on disk and the training windows cut from them.

One `.npz` file: one float32 array [N, *shape] for every observation key and [N, A] for `action`, the steps of all
episodes one after the other; `episode_ends` int64 [E], cumulative; `dt_ms`; `seeds` int64 [E].
"""

import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from .config import PolicyConfig
from .errors import OmpModelsError
from .normalize import MinMaxStats

ACTION_KEY = "action"


@dataclass(frozen=True)
class Demonstrations:
    """All episodes of one file. `arrays[key]` is float32 [N, *shape], physical units."""

    arrays: dict[str, np.ndarray]
    episode_ends: np.ndarray
    dt_ms: float
    sha256: str

    @property
    def episodes(self) -> int:
        """How many demonstrations."""
        return len(self.episode_ends)

    def stats(self) -> dict[str, MinMaxStats]:
        """Range of every key over all steps."""
        return {key: MinMaxStats.of(rows) for key, rows in self.arrays.items()}


@dataclass(frozen=True)
class Windows:
    """Training examples, physical units: observation `key` [W, n_obs_steps, *shape] and actions [W, horizon, A]."""

    observations: dict[str, torch.Tensor]
    actions: torch.Tensor

    def __len__(self) -> int:
        return len(self.actions)


def load_demonstrations(path: Path, policy: PolicyConfig) -> Demonstrations:
    """Reads one file and checks that it fits `policy`. Raises DATASET_INVALID naming file, key and episode."""
    shapes = {**policy.observation_shapes, ACTION_KEY: (policy.action_dim,)}
    demonstrations = read_demonstrations(path, list(shapes))

    def fail(message: str) -> OmpModelsError:
        return OmpModelsError("DATASET_INVALID", f"{path}: {message}")

    if demonstrations.dt_ms != policy.dt_ms:
        raise fail(f"dt_ms is {demonstrations.dt_ms}, the policy expects {policy.dt_ms}")
    for key, rows in demonstrations.arrays.items():
        expected = (int(demonstrations.episode_ends[-1]), *shapes[key])
        if rows.shape != expected or rows.dtype != np.float32:
            raise fail(f"key {key} is {rows.dtype}{list(rows.shape)}, float32{list(expected)} expected")
    return demonstrations


def read_demonstrations(path: Path, keys: Sequence[str] | None = None) -> Demonstrations:
    """Reads one file.

    Args:
        path: the `.npz` file.
        keys: what to read; None: every observation and the action.

    Raises DATASET_INVALID naming file, key, episode and row.
    """

    def fail(message: str) -> OmpModelsError:
        return OmpModelsError("DATASET_INVALID", f"{path}: {message}")

    if not path.is_file():
        raise fail("no such file; `python -m omp_models collect` writes one")
    if not zipfile.is_zipfile(path):
        raise fail("no .npz archive, or a part of one; `python -m omp_models collect` writes one")
    try:
        with np.load(path, allow_pickle=False) as file:
            if keys is None:
                keys = [*(key for key in file.files if key.startswith("observation.")), ACTION_KEY]
            missing = [key for key in (*keys, "episode_ends", "dt_ms") if key not in file]
            if missing:
                raise fail(f"key {missing[0]} is missing; the file has {', '.join(sorted(file.files))}")
            arrays = {key: file[key] for key in keys}
            episode_ends = file["episode_ends"].astype(np.int64)
            dt_ms = float(file["dt_ms"])
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise fail(str(error)) from error
    if episode_ends.ndim != 1 or len(episode_ends) == 0 or np.any(np.diff(episode_ends, prepend=0) <= 0):
        raise fail("episode_ends must be increasing and start above 0")
    for key, rows in arrays.items():
        if rows.ndim < 2 or len(rows) != episode_ends[-1]:
            expected = ", ".join(map(str, (episode_ends[-1], *(rows.shape[1:] or "D"))))
            raise fail(f"key {key} is {rows.dtype}{list(rows.shape)}, float32[{expected}] expected")
    check_rows(path, arrays, episode_ends)
    return Demonstrations(arrays, episode_ends, dt_ms, hashlib.sha256(path.read_bytes()).hexdigest())


def check_rows(source: Path, arrays: dict[str, np.ndarray], episode_ends: np.ndarray) -> None:
    """Raises DATASET_INVALID naming key, episode and row of the first value that is not finite."""
    for key, rows in arrays.items():
        bad_rows = np.flatnonzero(~np.isfinite(rows).all(axis=tuple(range(1, rows.ndim))))
        if len(bad_rows):
            episode = int(np.searchsorted(episode_ends, bad_rows[0], side="right"))
            raise OmpModelsError(
                "DATASET_INVALID", f"{source}: key {key}, episode {episode}: row {bad_rows[0]} is not finite"
            )


def window_indices(episode_ends: np.ndarray, length: int, pad_before: int, pad_after: int) -> np.ndarray:
    """Rows of every window [W, length]; a window may reach over an episode's ends, where the edge row repeats."""
    windows = []
    start = 0
    for end in episode_ends.tolist():
        firsts = np.arange(start - pad_before, end - length + pad_after + 1)
        windows.append(np.clip(firsts[:, None] + np.arange(length), start, end - 1))
        start = end
    return np.concatenate(windows)


def make_windows(demonstrations: Demonstrations, policy: PolicyConfig) -> Windows:
    """Cuts every window; row `n_obs_steps - 1` of a window is its current step."""
    indices = window_indices(
        demonstrations.episode_ends, policy.horizon, policy.n_obs_steps - 1, policy.n_action_steps - 1
    )
    if len(indices) == 0:
        raise OmpModelsError("DATASET_INVALID", f"every episode is shorter than {policy.horizon} steps")
    observations = {
        key: torch.from_numpy(demonstrations.arrays[key][indices[:, : policy.n_obs_steps]])
        for key in policy.observation_shapes
    }
    return Windows(observations, torch.from_numpy(demonstrations.arrays[ACTION_KEY][indices]))
