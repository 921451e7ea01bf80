"""Stores as DP3 and MP1 write them, written here and read back."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from recordings import ACTION, ENDS, LENGTHS, STATE, read, rows_of

from omp_models.__main__ import main
from omp_models.config import PolicyConfig
from omp_models.dataset import load_demonstrations, make_windows
from omp_models.errors import OmpModelsError
from omp_models.importers.recording import DATA_INSTALL
from omp_models.importers.zarr_v2 import read_array
from omp_models.worlds.collect import write_demonstrations

numcodecs = pytest.importorskip("numcodecs", reason=f"numcodecs is not installed. {DATA_INSTALL}")


def write_zarr_array(folder: Path, array: np.ndarray, chunk_rows: int, compressor: Any, order: str = "C") -> None:
    """A zarr v2 array, chunked along its first axis."""
    folder.mkdir(parents=True)
    chunks = (chunk_rows, *array.shape[1:])
    metadata = {
        "zarr_format": 2,
        "shape": array.shape,
        "chunks": chunks,
        "dtype": array.dtype.str,
        "order": order,
        "fill_value": 0,
        "filters": None,
        "compressor": compressor and compressor.get_config(),
    }
    (folder / ".zarray").write_text(json.dumps(metadata))
    for number, start in enumerate(range(0, len(array), chunk_rows)):
        whole = np.zeros(chunks, array.dtype)
        part = array[start : start + chunk_rows]
        whole[: len(part)] = part
        content = whole.tobytes(order)
        name = ".".join([str(number), *("0" for _ in array.shape[1:])])
        (folder / name).write_bytes(compressor.encode(content) if compressor else content)


CLOUD = np.random.default_rng(2).uniform(0, 255, (ENDS[-1], 16, 6)).astype(np.float32)
IMAGE = np.random.default_rng(3).integers(0, 256, (ENDS[-1], 84, 84, 3), np.uint8)


@pytest.fixture
def zarr_store(tmp_path: Path) -> Path:
    """A store as DP3 and MP1 write it."""
    store = tmp_path / "metaworld_reach_expert.zarr"
    blosc = numcodecs.Blosc(cname="zstd", clevel=3, shuffle=1)
    arrays = {"state": STATE, "action": ACTION, "point_cloud": CLOUD, "img": IMAGE, "full_state": rows_of(4, 5)}
    for name, array in arrays.items():
        write_zarr_array(store / "data" / name, array, 8, blosc)
    write_zarr_array(store / "meta" / "episode_ends", ENDS.astype(np.int64), 100, blosc)
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    return store


def test_a_store_of_dp3_is_read_whole(zarr_store: Path, tmp_path: Path) -> None:
    arrays = read(zarr_store, dt_ms=12.5)
    assert list(arrays)[:4] == [
        "observation.state",
        "observation.environment_state",
        "observation.point_cloud",
        "action",
    ]
    np.testing.assert_array_equal(arrays["observation.state"], STATE)
    np.testing.assert_array_equal(arrays["action"], ACTION)
    np.testing.assert_array_equal(arrays["observation.point_cloud"], CLOUD[..., :3])
    np.testing.assert_array_equal(arrays["episode_ends"], ENDS)
    write_demonstrations(tmp_path / "demo.npz", arrays)
    shapes = {"observation.state": (3,), "observation.point_cloud": (16, 3)}
    policy = PolicyConfig(shapes, action_dim=2, dt_ms=12.5, horizon=4, n_action_steps=2, lead_steps=0)
    windows = make_windows(load_demonstrations(tmp_path / "demo.npz", policy), policy)
    # No window leaves its episode: the first of the second one repeats that episode's first row.
    first = LENGTHS[0] + 1 + policy.n_action_steps - 1 - policy.horizon + 1
    np.testing.assert_array_equal(windows.observations["observation.state"][first], STATE[[7, 7]])
    np.testing.assert_array_equal(windows.actions[first - 1][-2:], ACTION[[6, 6]])


def test_pictures_are_read_when_they_are_asked_for(zarr_store: Path) -> None:
    arrays = read(zarr_store, dt_ms=12.5, observations=["observation.image"])
    assert list(arrays)[:2] == ["observation.image", "action"]
    np.testing.assert_allclose(arrays["observation.image"], np.moveaxis(IMAGE, 3, 1) / 255, atol=1e-7)


@pytest.mark.parametrize("compressor", [None, numcodecs.Zstd(3), numcodecs.Blosc("lz4", 5, 2)])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_chunk_layout_is_read(tmp_path: Path, compressor: Any, order: str) -> None:
    write_zarr_array(tmp_path / "a", CLOUD, 5, compressor, order)
    np.testing.assert_array_equal(read_array(tmp_path / "a"), CLOUD)
    (tmp_path / "a" / "1.0.0").unlink()
    np.testing.assert_array_equal(read_array(tmp_path / "a")[5:10], 0)


def break_chunk(store: Path) -> None:
    (store / "data" / "action" / "1.0").write_bytes(b"no blosc")


def break_metadata(store: Path) -> None:
    (store / "data" / "state" / ".zarray").write_text("{}")


def break_version(store: Path) -> None:
    (store / "data" / "state" / ".zarray").write_text('{"zarr_format": 3}')


def break_length(store: Path) -> None:
    folder = store / "data" / "action"
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    write_zarr_array(folder, ACTION[:-1], 8, None)


def break_ends(store: Path) -> None:
    write_zarr_array(store / "meta2", np.array([7, 7, 21]), 3, None)
    (store / "meta2" / ".zarray").rename(store / "meta" / "episode_ends" / ".zarray")
    (store / "meta2" / "0").rename(store / "meta" / "episode_ends" / "0")


def break_value(store: Path) -> None:
    broken = STATE.copy()
    broken[9, 1] = np.nan
    folder = store / "data" / "state"
    write_zarr_array(store / "data" / "state2", broken, 30, None)
    for file in folder.iterdir():
        file.unlink()
    for file in (store / "data" / "state2").iterdir():
        file.rename(folder / file.name)


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (break_chunk, r"data/action/1\.0: does not decode"),
        (break_metadata, r"data/state/\.zarray: no array metadata .*zarr_format"),
        (break_version, r"data/state/\.zarray: zarr_format is 3, 2 expected"),
        (break_length, r"data/action: 20 rows, the last episode ends at row 21"),
        (break_ends, r"meta/episode_ends: must be increasing"),
        (break_value, r"data/state: key observation\.state, episode 1: row 9 is not finite"),
    ],
)
def test_a_broken_store_is_named(zarr_store: Path, break_it: Callable[[Path], None], message: str) -> None:
    break_it(zarr_store)
    with pytest.raises(OmpModelsError, match=message) as caught:
        read(zarr_store, dt_ms=12.5)
    assert caught.value.code == "DATASET_INVALID"


def test_a_store_needs_a_period_and_has_no_other_keys(zarr_store: Path) -> None:
    with pytest.raises(OmpModelsError, match="does not record the period of a step; give --dt-ms"):
        read(zarr_store)
    with pytest.raises(OmpModelsError, match=r"has no observation observation\.depth; it has observation\.state"):
        read(zarr_store, dt_ms=10, observations=["observation.depth"])
    with pytest.raises(OmpModelsError, match=r"uint8\[21, 84, 84, 3\], uint8\[rows, 96, 96, 3\] expected"):
        read(zarr_store, dt_ms=10, observations=["observation.image"], image_size=96)


def test_a_store_is_inspected_without_a_period_and_imported_with_one(
    zarr_store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["inspect", "--data", str(zarr_store), "--json"]) == 0
    report = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (report["episodes"], report["dt_ms"]) == (3, None)
    assert main(["import", "--data", str(zarr_store), "--out", str(tmp_path / "a.npz"), "--json"]) == 1
    assert "give --dt-ms" in capsys.readouterr().out
    out = tmp_path / "a" / "demo.npz"
    command = ["import", "--data", str(zarr_store), "--dt-ms", "12.5", "--out", str(out), "--json"]
    assert main(command) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (result["episodes"], result["steps"], out.is_file()) == (3, 21, True)
