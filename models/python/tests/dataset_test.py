"""Demonstration files: what is refused, and the windows cut from what is not."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from omp_models.config import PolicyConfig
from omp_models.dataset import load_demonstrations, make_windows, window_indices
from omp_models.errors import OmpModelsError

Arrays = dict[str, np.ndarray]


def test_windows_repeat_the_edge_rows_of_their_own_episode() -> None:
    found = window_indices(np.array([4, 7]), length=3, pad_before=1, pad_after=2)
    assert found.tolist() == [
        [0, 0, 1],
        [0, 1, 2],
        [1, 2, 3],
        [2, 3, 3],
        [3, 3, 3],
        [4, 4, 5],
        [4, 5, 6],
        [5, 6, 6],
        [6, 6, 6],
    ]


def test_every_step_is_the_current_one_once(dataset: Path, arrays: Arrays, policy_config: PolicyConfig) -> None:
    windows = make_windows(load_demonstrations(dataset, policy_config), policy_config)
    state, environment = (windows.observations[key].numpy() for key in policy_config.observation_dims)
    assert state.shape == (len(windows), 2, 2)
    assert environment.shape == (len(windows), 2, 1)
    assert windows.actions.shape == (len(windows), 8, 2)
    # Of an episode of n rows the steps 0 to n - 8 + 3 + 1 are current: later ones have too few rows left to execute.
    current = [row for start, end in ((0, 12), (12, 21), (21, 36)) for row in range(start, end - 8 + 3 + 2)]
    np.testing.assert_array_equal(state[:, 1], arrays["observation.state"][current])
    np.testing.assert_array_equal(windows.actions[:, 1].numpy(), arrays["action"][current])
    starts = [0 if row < 12 else 12 if row < 21 else 21 for row in current]
    before = np.maximum(np.array(current) - 1, starts)
    np.testing.assert_array_equal(environment[:, 0], arrays["observation.environment_state"][before])


def test_a_file_is_read_as_it_was_written(dataset: Path, arrays: Arrays, policy_config: PolicyConfig) -> None:
    demonstrations = load_demonstrations(dataset, policy_config)
    assert demonstrations.episodes == 3
    np.testing.assert_array_equal(demonstrations.arrays["action"], arrays["action"])
    np.testing.assert_array_equal(demonstrations.stats()["action"].max, arrays["action"].max(axis=0))


def without(key: str) -> Callable[[Arrays], None]:
    """Leaves out one key."""
    return lambda arrays: arrays.pop(key)


def put(key: str, value: object) -> Callable[[Arrays], None]:
    """Replaces one key."""
    return lambda arrays: arrays.update({key: np.asarray(value)})


def spoil(key: str, row: int, value: float) -> Callable[[Arrays], None]:
    """Writes `value` into one row."""

    def change(arrays: Arrays) -> None:
        arrays[key][row, -1] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("action"), r"key action is missing; the file has dt_ms, episode_ends"),
        (without("observation.state"), r"key observation\.state is missing"),
        (without("episode_ends"), r"key episode_ends is missing"),
        (put("dt_ms", 20.0), r"dt_ms is 20\.0, the policy expects 50\.0"),
        (put("dt_ms", np.nan), r"dt_ms is nan"),
        (put("episode_ends", np.array([], np.int64)), r"episode_ends must be increasing"),
        (put("episode_ends", [12, 12, 36]), r"episode_ends must be increasing"),
        (put("episode_ends", [0, 12, 36]), r"episode_ends must .* start above 0"),
        (put("episode_ends", [12, 21, 35]), r"key observation\.state is float32\[36, 2\], float32\[35, 2\] expected"),
        (put("action", np.zeros((36, 3), np.float32)), r"key action is float32\[36, 3\], float32\[36, 2\] expected"),
        (put("action", np.zeros((36, 2))), r"key action is float64\[36, 2\], float32\[36, 2\] expected"),
        (spoil("action", 11, np.nan), r"key action, episode 0: row 11 is not finite"),
        (spoil("action", 12, np.nan), r"key action, episode 1: row 12 is not finite"),
        (spoil("observation.environment_state", 35, np.inf), r"environment_state, episode 2: row 35 is not finite"),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, arrays: Arrays, policy_config: PolicyConfig, change: Callable[[Arrays], None], message: str
) -> None:
    change(arrays)
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(OmpModelsError, match=rf"bad\.npz: .*{message}") as raised:
        load_demonstrations(path, policy_config)
    assert raised.value.code == "DATASET_INVALID"


@pytest.mark.parametrize("content", [None, b"", b"no archive"], ids=["missing", "empty", "text"])
def test_a_file_that_is_no_archive_is_named(tmp_path: Path, policy_config: PolicyConfig, content: bytes | None) -> None:
    path = tmp_path / "bad.npz"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OmpModelsError, match=r"bad\.npz: ") as raised:
        load_demonstrations(path, policy_config)
    assert raised.value.code == "DATASET_INVALID"


def test_a_damaged_file_is_named(dataset: Path, policy_config: PolicyConfig) -> None:
    whole = dataset.read_bytes()
    changed = bytearray(whole)
    changed[300] ^= 0xFF
    for content in (whole[: len(whole) // 2], bytes(changed)):
        dataset.write_bytes(content)
        with pytest.raises(OmpModelsError, match=r"demonstrations\.npz: ") as raised:
            load_demonstrations(dataset, policy_config)
        assert raised.value.code == "DATASET_INVALID"


def test_a_single_array_and_pickled_objects_are_refused(
    tmp_path: Path, arrays: Arrays, policy_config: PolicyConfig
) -> None:
    single, pickled = tmp_path / "single.npz", tmp_path / "pickled.npz"
    with single.open("wb") as file:
        np.save(file, np.zeros(3, np.float32))
    np.savez(pickled, **{**arrays, "action": np.array([{}, None])})
    for path, message in ((single, r"single\.npz: no \.npz archive"), (pickled, r"pickled\.npz: .*allow_pickle=False")):
        with pytest.raises(OmpModelsError, match=message) as raised:
            load_demonstrations(path, policy_config)
        assert raised.value.code == "DATASET_INVALID"


def test_episodes_too_short_for_a_window_are_told(tmp_path: Path, arrays: Arrays, policy_config: PolicyConfig) -> None:
    path = tmp_path / "short.npz"
    rows = {key: arrays[key][:3] for key in ("observation.state", "observation.environment_state", "action")}
    np.savez(path, **rows, episode_ends=np.array([3]), dt_ms=50.0)
    with pytest.raises(OmpModelsError, match="shorter than") as raised:
        make_windows(load_demonstrations(path, policy_config), policy_config)
    assert raised.value.code == "DATASET_INVALID"
