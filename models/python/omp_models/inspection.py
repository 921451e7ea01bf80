"""What is in demonstrations: sizes, ranges, and the values that never change."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .dataset import ACTION_KEY, read_demonstrations
from .importers.open_recording import import_recording
from .importers.recording import ImportOptions, OnEpisode
from .normalize import MIN_RANGE, MinMaxStats


@dataclass(frozen=True)
class KeyReport:
    """One key of the demonstrations. `constant` lists the channels whose range is below MIN_RANGE.

    A constant channel is a trap for min-max normalisation: whatever small motion it has on the robot lies far outside
    what the policy was trained on.
    """

    key: str
    shape: list[int]
    dtype: str
    min: list[float]
    max: list[float]
    constant: list[int]

    @classmethod
    def of(cls, key: str, rows: np.ndarray) -> "KeyReport":
        """Of `rows` [N, *shape]."""
        stats = MinMaxStats.of(rows)
        constant = np.flatnonzero(stats.max - stats.min < MIN_RANGE)
        return cls(
            key, list(rows.shape[1:]), str(rows.dtype), stats.min.tolist(), stats.max.tolist(), constant.tolist()
        )


@dataclass(frozen=True)
class Recording:
    """Demonstrations of any format, unchecked against a policy."""

    arrays: dict[str, np.ndarray]
    episode_ends: np.ndarray
    dt_ms: float | None
    """None where the format does not record it."""
    tasks: list[str]
    """What the robot was told, each text once; empty where the format does not record it."""

    def report(self) -> dict[str, Any]:
        """The fields of the `result` event of `inspect`."""
        lengths = np.diff(self.episode_ends, prepend=0)
        return {
            "episodes": len(lengths),
            "steps": int(self.episode_ends[-1]),
            "dt_ms": self.dt_ms,
            "lengths": {"min": int(lengths.min()), "median": float(np.median(lengths)), "max": int(lengths.max())},
            "tasks": self.tasks,
            "keys": [vars(KeyReport.of(key, rows)) for key, rows in self.arrays.items()],
        }


def open_recording(path: Path, options: ImportOptions, on_episode: OnEpisode) -> Recording:
    """Reads a demonstration file, or a folder in a format that can be imported.

    Raises DATASET_INVALID, CONFIG_INVALID, PACKAGE_MISSING.
    """
    if not path.is_dir():
        keys = None if options.observations is None else [*options.observations, ACTION_KEY]
        file = read_demonstrations(path, keys)
        return Recording(file.arrays, file.episode_ends, file.dt_ms, [])
    arrays = import_recording(path, None, options, on_episode)
    tasks = arrays.pop("tasks", np.array([], str))
    arrays.pop("seeds")
    dt_ms = float(arrays.pop("dt_ms"))
    ends = arrays.pop("episode_ends")
    return Recording(arrays, ends, None if np.isnan(dt_ms) else dt_ms, list(dict.fromkeys(tasks.tolist())))
