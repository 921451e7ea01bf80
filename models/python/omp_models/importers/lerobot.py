"""LeRobot datasets without the lerobot package: v2.0/v2.1, a file for each episode, and v3.0, many in a file.

Layouts: huggingface/lerobot, `lerobot/datasets`. Keys of `meta/info.json` that are not needed are ignored.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from omp_models.dataset import ACTION_KEY
from omp_models.errors import OmpModelsError
from omp_models.importers.episode_video import read_frames
from omp_models.importers.recording import ImportOptions, OnEpisode, choose_keys, missing_package
from omp_models.worlds.collect import join_episodes

INFO_FILE = Path("meta", "info.json")
TIMESTAMP_TOLERANCE = 0.02
"""Share of a period by which a recorded timestamp may miss its grid. LeRobot itself allows 1e-4 s."""


@dataclass(frozen=True)
class _Clip:
    """The pictures of one key in one episode."""

    path: Path
    from_timestamp: float
    """Time in the video, s, at which the episode begins."""


@dataclass(frozen=True)
class _Episode:
    """Where one episode is stored."""

    index: int
    length: int
    file: Path
    clips: dict[str, _Clip]
    tasks: list[str]


def is_lerobot(path: Path) -> bool:
    """Whether `path` looks like a LeRobot dataset."""
    return (path / INFO_FILE).is_file()


def import_lerobot(path: Path, options: ImportOptions, on_episode: OnEpisode) -> dict[str, np.ndarray]:
    """The arrays of a demonstration file, and `tasks` [E], what each episode was told to do.

    The period is that of the recording. Pictures become square and [0, 1], channels first.

    Raises DATASET_INVALID naming file, episode and row, CONFIG_INVALID, PACKAGE_MISSING.
    """
    info = _read_info(path)
    features = info["features"]
    fps = float(info["fps"])
    if options.dt_ms is not None and abs(options.dt_ms - 1000 / fps) > 1e-6:
        raise OmpModelsError("CONFIG_INVALID", f"--dt-ms is {options.dt_ms}, {path} was recorded at {fps:g} Hz")
    vectors = [key for key, feature in features.items() if feature["dtype"] in ("float32", "float64")]
    videos = [key for key, feature in features.items() if feature["dtype"] == "video"]
    if ACTION_KEY not in vectors:
        raise _invalid(path / INFO_FILE, f"feature {ACTION_KEY} is missing or no vector")
    observed = [key for key in vectors if key.startswith("observation.")]
    keys = choose_keys(path, [*observed, *videos], observed, options)
    stored = list(_episodes_v3(path, info, videos) if info["codebase_version"] == "v3.0" else _episodes_v2(path, info))
    episodes = []
    for number, episode in enumerate(stored):
        rows = _read_rows(episode, [*(key for key in keys if key in vectors), ACTION_KEY], fps)
        columns = {key: _vectors(episode, key, rows[key], features[key]["shape"]) for key in rows if key != "timestamp"}
        for key in keys:
            if key in videos:
                clip = episode.clips[key]
                times = clip.from_timestamp + rows["timestamp"]
                columns[key] = read_frames(clip.path, times, 1 / fps, options.image_size, episode.index)
        episodes.append({key: columns[key] for key in (*keys, ACTION_KEY)})
        on_episode(number + 1, len(stored))
    if not stored:
        raise _invalid(path, "no episode")
    arrays = join_episodes(episodes, [episode.index for episode in stored], 1000 / fps)
    return {**arrays, "tasks": np.array(["; ".join(episode.tasks) for episode in stored])}


def _read_info(path: Path) -> dict[str, Any]:
    file = path / INFO_FILE
    try:
        info = json.loads(file.read_text())
        version = info["codebase_version"]
        if version not in ("v2.0", "v2.1", "v3.0"):
            raise _invalid(file, f"codebase_version is {version}; v2.0, v2.1 and v3.0 are read")
        for key in ("fps", "features", "data_path"):
            info[key]
        for key, feature in info["features"].items():
            feature["dtype"], feature["shape"], key.split()
    except (OSError, json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise _invalid(file, f"no dataset description ({error!r})") from error
    return info


def _episodes_v2(path: Path, info: dict[str, Any]) -> Iterator[_Episode]:
    """Episodes as `meta/episodes.jsonl` lists them."""
    file = path / "meta" / "episodes.jsonl"
    if not file.is_file():
        raise _invalid(file, "no such file")
    videos = [key for key, feature in info["features"].items() if feature["dtype"] == "video"]
    for number, line in enumerate(file.read_text().splitlines()):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            index, length = int(entry["episode_index"]), int(entry["length"])
            names = {"episode_chunk": index // int(info.get("chunks_size", 1000)), "episode_index": index}
            yield _Episode(
                index,
                length,
                path / info["data_path"].format(**names),
                {key: _Clip(path / info["video_path"].format(**names, video_key=key), 0.0) for key in videos},
                list(entry.get("tasks", [])),
            )
        except (json.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise _invalid(file, f"line {number + 1} describes no episode ({error!r})") from error


def _episodes_v3(path: Path, info: dict[str, Any], videos: list[str]) -> Iterator[_Episode]:
    """Episodes as the tables in `meta/episodes` list them, by index."""
    files = sorted((path / "meta" / "episodes").glob("chunk-*/file-*.parquet"))
    if not files:
        raise _invalid(path / "meta" / "episodes", "no chunk-*/file-*.parquet")
    entries = []
    for file in files:
        wanted = ["episode_index", "length", "data/chunk_index", "data/file_index"]
        clip_columns = [
            f"videos/{key}/{name}" for key in videos for name in ("chunk_index", "file_index", "from_timestamp")
        ]
        table = _read_table(file, [*wanted, *clip_columns, "tasks"], optional=("tasks",))
        entries.extend(dict(row, file=file) for row in table.to_pylist())
    known = _task_texts(path)
    for entry in sorted(entries, key=lambda entry: entry["episode_index"]):

        def located(template: str, prefix: str, entry: dict[str, Any] = entry, **names: str) -> Path:
            chunk, number = entry[f"{prefix}/chunk_index"], entry[f"{prefix}/file_index"]
            return path / template.format(chunk_index=chunk, file_index=number, **names)

        clips = {
            key: _Clip(
                located(info["video_path"], f"videos/{key}", video_key=key),
                float(entry[f"videos/{key}/from_timestamp"]),
            )
            for key in videos
        }
        # Some writers list the texts, some their indices.
        tasks = [known.get(task, str(task)) if isinstance(task, int) else task for task in entry.get("tasks") or []]
        yield _Episode(
            int(entry["episode_index"]), int(entry["length"]), located(info["data_path"], "data"), clips, tasks
        )


def _task_texts(path: Path) -> dict[int, str]:
    """Text of every task index. The text is the table's pandas index, stored as `__index_level_0__` or as `task`."""
    file = path / "meta" / "tasks.parquet"
    if not file.is_file():
        return {}
    table = _read_table(file, None)
    column = next((name for name in ("task", "__index_level_0__") if name in table.column_names), None)
    if column is None or "task_index" not in table.column_names:
        raise _invalid(file, f"columns {table.column_names}; task_index and task or __index_level_0__ expected")
    return dict(zip(table["task_index"].to_pylist(), table[column].to_pylist(), strict=True))


def _read_rows(episode: _Episode, keys: list[str], fps: float) -> dict[str, np.ndarray]:
    """The columns of one episode, checked: one row for each step, on the recording's grid."""
    columns = ["episode_index", "frame_index", "timestamp", *keys]
    table = _read_table(episode.file, columns, filters=[("episode_index", "=", episode.index)])

    def fail(message: str) -> OmpModelsError:
        return _invalid(episode.file, f"episode {episode.index}: {message}")

    if table.num_rows != episode.length:
        raise fail(f"{table.num_rows} rows, meta/episodes says {episode.length}")
    if episode.length == 0:
        raise fail("no rows")
    steps = np.arange(episode.length)
    frame_index = table["frame_index"].to_numpy()
    if (frame_index != steps).any():
        row = int(np.flatnonzero(frame_index != steps)[0])
        raise fail(f"row {row} has frame_index {frame_index[row]}, {row} expected")
    timestamp = table["timestamp"].to_numpy().astype(np.float64)
    late = ~(np.abs(timestamp - steps / fps) <= TIMESTAMP_TOLERANCE / fps)
    if late.any():
        row = int(np.flatnonzero(late)[0])
        raise fail(f"row {row} has timestamp {timestamp[row]:.4f} s, {row / fps:.4f} s expected at {fps:g} Hz")
    return {"timestamp": timestamp, **{key: table[key] for key in keys}}


def _vectors(episode: _Episode, key: str, column: Any, shape: list[int]) -> np.ndarray:
    """A list column as float32 [T, *shape]."""
    rows = column.to_pylist()
    size = int(np.prod(shape))

    def fail(row: int, found: str) -> OmpModelsError:
        return _invalid(episode.file, f"episode {episode.index}: row {row}, {key} {found}")

    for row, value in enumerate(rows):
        if value is None or np.size(value) != size:
            raise fail(row, f"holds {0 if value is None else np.size(value)} values, {size} expected")
    values = np.array(rows, np.float64).reshape(len(rows), size)
    bad_rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad_rows):
        raise fail(int(bad_rows[0]), "is not finite")
    return values.astype(np.float32).reshape(len(rows), *shape)


def _read_table(
    file: Path,
    columns: list[str] | None,
    optional: tuple[str, ...] = (),
    filters: list[tuple[str, str, int]] | None = None,
) -> Any:
    """Columns of a parquet file; row groups that `filters` rule out are not read."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise missing_package("pyarrow", error) from error
    if not file.is_file():
        raise _invalid(file, "no such file")
    try:
        names = pq.read_schema(file).names
        if columns is not None:
            missing = [name for name in columns if name not in names and name not in optional]
            if missing:
                raise _invalid(file, f"column {missing[0]} is missing; it has {', '.join(names)}")
            columns = [name for name in columns if name in names]
        return pq.read_table(file, columns=columns, filters=filters, partitioning=None)
    except (pa.ArrowException, OSError) as error:
        raise _invalid(file, f"no parquet table ({error})") from error


def _invalid(path: Path, message: str) -> OmpModelsError:
    return OmpModelsError("DATASET_INVALID", f"{path}: {message}")
