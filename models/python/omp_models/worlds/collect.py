"""Demonstrations of any world, gathered seed by seed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from omp_models.dataset import ACTION_KEY
from omp_models.errors import OmpModelsError
from omp_models.worlds.world import Demonstrator

FIRST_TRAINING_SEED = 1_000_000
"""Policies are evaluated on smaller seeds, so no demonstration may use one."""

MAX_FAILURES = 50
"""Episodes left out in a row after which the expert is taken to be the wrong one."""


def collect_demonstrations(
    demonstrator: Demonstrator, count: int, first_seed: int, on_episode: Callable[[int], None] | None = None
) -> tuple[dict[str, np.ndarray], int]:
    """`count` good episodes of ascending seeds from `first_seed` as `dataset` stores them, and how many others were
    left out.

    `on_episode` is told how many are kept after every attempt. Raises CONFIG_INVALID for an evaluation seed, and when
    MAX_FAILURES episodes in a row are left out.
    """
    if first_seed < FIRST_TRAINING_SEED:
        raise OmpModelsError(
            "CONFIG_INVALID", f"first_seed is {first_seed}; seeds below {FIRST_TRAINING_SEED} are for evaluation"
        )
    episodes: list[dict[str, np.ndarray]] = []
    seeds: list[int] = []
    seed = first_seed
    while len(episodes) < count:
        episode = demonstrator.demonstrate(seed)
        if episode is not None:
            episodes.append(episode)
            seeds.append(seed)
        elif seed - (seeds[-1] if seeds else first_seed - 1) >= MAX_FAILURES:
            raise OmpModelsError(
                "CONFIG_INVALID",
                f"the expert failed in all {MAX_FAILURES} episodes up to seed {seed}; is it the expert of this task?",
            )
        seed += 1
        if on_episode is not None:
            on_episode(len(episodes))
    return join_episodes(episodes, seeds, demonstrator.dt_ms), seed - first_seed - count


def join_episodes(episodes: list[dict[str, np.ndarray]], seeds: list[int], dt_ms: float) -> dict[str, np.ndarray]:
    """The arrays of a demonstration file from the rows of its episodes."""
    return {
        **{key: np.concatenate([episode[key] for episode in episodes]) for key in episodes[0]},
        "episode_ends": np.cumsum([len(episode[ACTION_KEY]) for episode in episodes], dtype=np.int64),
        "dt_ms": np.float64(dt_ms),
        "seeds": np.array(seeds, dtype=np.int64),
    }


def write_demonstrations(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes `path` as one `.npz`, complete or not at all."""
    partial = path.with_name(f".{path.name}.partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    partial.replace(path)
