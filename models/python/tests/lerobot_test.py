"""LeRobot datasets of every layout, written here and read back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import ACTION, ENDS, LENGTHS, STATE, read

from omp_models.config import PolicyConfig
from omp_models.dataset import load_demonstrations
from omp_models.errors import OmpModelsError
from omp_models.importers.recording import DATA_INSTALL
from omp_models.worlds.collect import write_demonstrations

pa = pytest.importorskip("pyarrow", reason=f"pyarrow is not installed. {DATA_INSTALL}")
av = pytest.importorskip("av", reason=f"av is not installed. {DATA_INSTALL}")
pq = pytest.importorskip("pyarrow.parquet")

FPS = 20
CAMERA = "observation.images.front"
SIDE = 32


def grey_levels(rows: range) -> np.ndarray:
    """The grey of every picture, different in every row."""
    return 20 + 10 * np.array(rows)


def write_video(path: Path, levels: np.ndarray) -> None:
    """One grey picture for every level, a key frame every third one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "10", "g": "3"})
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuv420p"
        for level in levels:
            picture = np.full((SIDE, SIDE, 3), level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def frame_table(episode: int, start: int, end: int) -> Any:
    """The rows of one episode as LeRobot stores them."""
    length = end - start
    vectors = {"observation.state": STATE, "action": ACTION}
    return pa.table(
        {
            **{
                key: pa.FixedSizeListArray.from_arrays(rows[start:end].ravel(), rows.shape[1])
                for key, rows in vectors.items()
            },
            "timestamp": pa.array(np.arange(length) / FPS, pa.float32()),
            "frame_index": np.arange(length),
            "episode_index": np.full(length, episode),
            "index": np.arange(start, end),
            "task_index": np.full(length, episode % 2),
        }
    )


STARTS = [0, *ENDS[:-1].tolist()]
TASKS = ["pick the cube", "place the cube"]


def info(version: str, data_path: str, video_path: str) -> dict[str, Any]:
    """`meta/info.json` with the features of `frame_table`, and some keys that nobody needs."""
    return {
        "codebase_version": version,
        "robot_type": "so101",
        "fps": FPS,
        "total_episodes": len(LENGTHS),
        "chunks_size": 1000,
        "data_path": data_path,
        "video_path": video_path,
        "features": {
            "observation.state": {"dtype": "float32", "shape": [3], "names": ["a", "b", "c"]},
            "action": {"dtype": "float32", "shape": [2], "names": None},
            CAMERA: {"dtype": "video", "shape": [SIDE, SIDE, 3], "info": {"video.fps": FPS}},
            "timestamp": {"dtype": "float32", "shape": [1]},
            "task_index": {"dtype": "int64", "shape": [1]},
        },
        "tools": {},
    }


def write_v21(root: Path) -> Path:
    """A file and a video for each episode."""
    (root / "meta").mkdir(parents=True)
    names = "chunk-{episode_chunk:03d}", "episode_{episode_index:06d}"
    data, video = f"data/{names[0]}/{names[1]}.parquet", f"videos/{names[0]}/{{video_key}}/{names[1]}.mp4"
    (root / "meta" / "info.json").write_text(json.dumps(info("v2.1", data, video)))
    lines = []
    for episode, (start, end) in enumerate(zip(STARTS, ENDS.tolist(), strict=True)):
        file = root / f"data/chunk-000/episode_{episode:06d}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(frame_table(episode, start, end), file)
        write_video(root / f"videos/chunk-000/{CAMERA}/episode_{episode:06d}.mp4", grey_levels(range(start, end)))
        lines.append(json.dumps({"episode_index": episode, "tasks": [TASKS[episode % 2]], "length": end - start}))
    (root / "meta" / "episodes.jsonl").write_text("\n".join(lines) + "\n")
    (root / "meta" / "tasks.jsonl").write_text(
        "".join(json.dumps({"task_index": i, "task": t}) for i, t in enumerate(TASKS))
    )
    return root


def write_v30(root: Path, task_column: str = "task", group_by_episode: bool = True, task_texts: bool = True) -> Path:
    """The first two episodes in one file and one video, the third one in others."""
    folders = {"meta/episodes": "chunk-000", "data": "chunk-000", f"videos/{CAMERA}": "chunk-000"}
    for folder, chunk in folders.items():
        (root / folder / chunk).mkdir(parents=True)
    names = "chunk-{chunk_index:03d}/file-{file_index:03d}"
    (root / "meta" / "info.json").write_text(
        json.dumps(info("v3.0", f"data/{names}.parquet", f"videos/{{video_key}}/{names}.mp4"))
    )
    tables = [frame_table(i, start, end) for i, (start, end) in enumerate(zip(STARTS, ENDS.tolist(), strict=True))]
    for number, members in enumerate(([0, 1], [2])):
        file = root / f"data/chunk-000/file-{number:03d}.parquet"
        with pq.ParquetWriter(file, tables[0].schema) as writer:
            parts = (
                [tables[i] for i in members] if group_by_episode else [pa.concat_tables([tables[i] for i in members])]
            )
            for part in parts:
                writer.write_table(part)
        rows = range(STARTS[members[0]], ENDS[members[-1]])
        write_video(root / f"videos/{CAMERA}/chunk-000/file-{number:03d}.mp4", grey_levels(rows))
    pq.write_table(pa.table({"task_index": [0, 1], task_column: TASKS}), root / "meta/tasks.parquet")
    files = [0, 0, 1]
    episodes = {
        "episode_index": [0, 1, 2],
        "tasks": [[TASKS[i % 2] if task_texts else i % 2] for i in range(3)],
        "length": list(LENGTHS),
        "data/chunk_index": [0, 0, 0],
        "data/file_index": files,
        "dataset_from_index": STARTS,
        "dataset_to_index": ENDS.tolist(),
        f"videos/{CAMERA}/chunk_index": [0, 0, 0],
        f"videos/{CAMERA}/file_index": files,
        f"videos/{CAMERA}/from_timestamp": [0.0, LENGTHS[0] / FPS, 0.0],
        f"videos/{CAMERA}/to_timestamp": [LENGTHS[0] / FPS, ENDS[1] / FPS, LENGTHS[2] / FPS],
        "stats/action/min": [[0.0, 0.0]] * 3,
    }
    pq.write_table(pa.table(episodes), root / "meta/episodes/chunk-000/file-000.parquet")
    return root


LAYOUTS: list[Callable[[Path], Path]] = [
    write_v21,
    write_v30,
    lambda root: write_v30(root, "__index_level_0__", group_by_episode=False, task_texts=False),
]


@pytest.mark.parametrize("write", LAYOUTS)
def test_every_layout_of_lerobot_reads_the_same(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    arrays = read(write(tmp_path / "set"))
    np.testing.assert_array_equal(arrays["observation.state"], STATE)
    np.testing.assert_array_equal(arrays["action"], ACTION)
    np.testing.assert_array_equal(arrays["episode_ends"], ENDS)
    assert float(arrays["dt_ms"]) == 50
    assert arrays["tasks"].tolist() == [TASKS[0], TASKS[1], TASKS[0]]
    write_demonstrations(tmp_path / "demo.npz", arrays)
    policy = PolicyConfig({"observation.state": (3,)}, action_dim=2, horizon=4, n_action_steps=2)
    assert load_demonstrations(tmp_path / "demo.npz", policy).episodes == 3


@pytest.mark.parametrize("write", LAYOUTS[:2])
def test_every_step_gets_its_own_picture(tmp_path: Path, write: Callable[[Path], Path]) -> None:
    arrays = read(write(tmp_path / "set"), observations=[CAMERA], image_size=16)
    pictures = arrays[CAMERA]
    assert pictures.shape == (ENDS[-1], 3, 16, 16) and pictures.dtype == np.float32
    expected = grey_levels(range(ENDS[-1])) / 255
    # The codec may err by a level or two; neighbours are ten apart.
    np.testing.assert_allclose(pictures.mean(axis=(1, 2, 3)), expected, atol=4 / 255)


def change_table(file: Path, column: str, values: Any) -> None:
    table = pq.read_table(file)
    pq.write_table(table.set_column(table.schema.get_field_index(column), column, values), file)


def short_episode(root: Path) -> None:
    file = root / "data/chunk-000/episode_000001.parquet"
    pq.write_table(pq.read_table(file).slice(0, 4), file)


def lost_frame(root: Path) -> None:
    change_table(root / "data/chunk-000/episode_000001.parquet", "frame_index", pa.array([0, 1, 3, 4, 5]))


def slow_frame(root: Path) -> None:
    times = pa.array(np.array([0, 1, 2, 3.5, 4]) / FPS, pa.float32())
    change_table(root / "data/chunk-000/episode_000001.parquet", "timestamp", times)


def no_number(root: Path) -> None:
    values = ACTION[7:12].copy()
    values[3, 0] = np.inf
    change_table(
        root / "data/chunk-000/episode_000001.parquet", "action", pa.FixedSizeListArray.from_arrays(values.ravel(), 2)
    )


def ragged(root: Path) -> None:
    change_table(root / "data/chunk-000/episode_000001.parquet", "action", pa.array([[1.0, 2.0]] * 4 + [[1.0]]))


def no_table(root: Path) -> None:
    (root / "data/chunk-000/episode_000001.parquet").write_bytes(b"PAR0")


def no_column(root: Path) -> None:
    file = root / "data/chunk-000/episode_000001.parquet"
    pq.write_table(pq.read_table(file).drop_columns("action"), file)


def short_video(root: Path) -> None:
    write_video(root / f"videos/chunk-000/{CAMERA}/episode_000001.mp4", grey_levels(range(3)))


def no_video(root: Path) -> None:
    (root / f"videos/chunk-000/{CAMERA}/episode_000001.mp4").unlink()


def broken_video(root: Path) -> None:
    (root / f"videos/chunk-000/{CAMERA}/episode_000001.mp4").write_bytes(b"no video")


def bad_line(root: Path) -> None:
    file = root / "meta" / "episodes.jsonl"
    file.write_text(file.read_text().replace('"length": 5', '"size": 5'))


def future_version(root: Path) -> None:
    file = root / "meta" / "info.json"
    file.write_text(file.read_text().replace("v2.1", "v4.0"))


EPISODE_1 = r"episode_000001\.parquet: episode 1: "


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (short_episode, EPISODE_1 + "4 rows, meta/episodes says 5"),
        (lost_frame, EPISODE_1 + "row 2 has frame_index 3, 2 expected"),
        (slow_frame, EPISODE_1 + r"row 3 has timestamp 0\.1750 s, 0\.1500 s expected at 20 Hz"),
        (no_number, EPISODE_1 + "row 3, action is not finite"),
        (ragged, EPISODE_1 + "row 4, action holds 1 values, 2 expected"),
        (no_table, r"episode_000001\.parquet: no parquet table"),
        (no_column, r"episode_000001\.parquet: column action is missing"),
        (short_video, r"episode_000001\.mp4: episode 1: row 3 has no frame at 0\.1500 s"),
        (no_video, r"episode_000001\.mp4: no such file, episode 1"),
        (broken_video, r"episode_000001\.mp4: episode 1: row 0 does not decode"),
        (bad_line, r"episodes\.jsonl: line 2 describes no episode \(KeyError\('length'\)\)"),
        (future_version, r"info\.json: codebase_version is v4\.0; v2\.0, v2\.1 and v3\.0 are read"),
    ],
)
def test_a_broken_dataset_is_named(tmp_path: Path, break_it: Callable[[Path], None], message: str) -> None:
    root = write_v21(tmp_path / "set")
    break_it(root)
    with pytest.raises(OmpModelsError, match=message) as caught:
        read(root, observations=["observation.state", CAMERA], image_size=16)
    assert caught.value.code == "DATASET_INVALID"


def test_a_folder_of_no_known_format_and_another_period_are_refused(tmp_path: Path) -> None:
    with pytest.raises(OmpModelsError, match=r"neither meta/info\.json \(LeRobot\) nor meta/episode_ends"):
        read(tmp_path)
    with pytest.raises(OmpModelsError, match=r"--dt-ms is 10, .* was recorded at 20 Hz"):
        read(write_v30(tmp_path / "set"), dt_ms=10)
