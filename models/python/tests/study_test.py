"""The study's grid, its results file and the time of its cells."""

import json
from pathlib import Path
from typing import Any

import pytest
from study_cells import line, small

from omp_models.errors import OmpModelsError
from omp_models.study import Grid, Results
from omp_models.study_run import stopwatch

STUDY = Path(__file__).resolve().parents[2] / "study"
GRID = STUDY / "grid.yaml"
OBSERVATIONS = [{"key": "observation.state", "unit": "1", "names": [], "rate_hz": 80, "max_age_ms": 125}]
WORLD = {"observation_shapes": {"observation.state": [9]}, "action_dim": 4, "dt_ms": 12.5}


def test_the_committed_grid_makes_valid_recipes() -> None:
    grid = Grid.from_file(GRID)
    cells = list(grid.cells())
    assert {"omp-jvp", "omp-dde", "mp1", "flowpolicy", "dp3", "regression"} <= set(grid.methods)
    assert len(cells) == len(grid.tasks) * len(grid.methods) * 3
    assert {spec["difficulty"] for spec in grid.tasks.values()} == {"easy", "medium", "hard", "very hard", "adroit"}
    for cell in cells[: len(grid.tasks) * len(grid.methods)]:
        recipe = grid.recipe_of(cell, OBSERVATIONS, WORLD)
        assert (recipe.world, recipe.train.seed, recipe.train.steps) == (
            cell.task,
            cell.seed,
            grid.recipe["train"]["steps"],
        )
        assert recipe.train.policy.objective == cell.method.split("-")[0]


@pytest.mark.parametrize("name", ["point-cloud", "pairs"])
def test_the_other_committed_grids_make_valid_recipes(name: str) -> None:
    grid = Grid.from_file(STUDY / f"{name}.yaml")
    for cell in grid.cells():
        assert grid.recipe_of(cell, OBSERVATIONS, WORLD).world == cell.task


def test_seeds_come_one_after_the_other(tmp_path: Path) -> None:
    seeds = [cell.seed for cell in small(tmp_path).cells()]
    assert seeds == [0] * 4 + [10] * 4


def test_another_budget_is_another_cell(tmp_path: Path) -> None:
    grid = small(tmp_path)
    cell = next(grid.cells())
    results = Results(tmp_path / "results.jsonl")
    results.add(line(grid, cell, 20, 20))
    again = Results(tmp_path / "results.jsonl")
    assert again.has(cell, grid.budget(cell))
    assert not again.has(cell, small(tmp_path, demonstrations=5).budget(cell))
    assert small(tmp_path, seeds=[0]).budget(cell) == grid.budget(cell)


def test_a_line_cut_short_is_dropped(tmp_path: Path) -> None:
    grid, path = small(tmp_path), tmp_path / "results.jsonl"
    first, second, *_ = grid.cells()
    Results(path).add(line(grid, first, 20, 20))
    path.write_text(path.read_text() + '{"task": "metaw')
    results = Results(path)
    results.add(line(grid, second, 20, 20))
    assert [json.loads(text)["method"] for text in path.read_text().splitlines()] == ["omp-jvp", "dp3"]


def test_a_stopwatch_counts_interrupted_calls_too(tmp_path: Path) -> None:
    (tmp_path / "train_s.txt").write_text("40.0\n")
    timing: dict[str, float] = {}
    with pytest.raises(KeyboardInterrupt), stopwatch(tmp_path, timing, "train_s"):
        raise KeyboardInterrupt
    with stopwatch(tmp_path, timing, "train_s"):
        pass
    assert 40 <= timing["train_s"] < 60


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks": {"metaworld/door-open": {"difficulty": "trivial"}}}, "difficulty is one of"),
        ({"method": {}}, "expected"),
    ],
)
def test_a_grid_that_does_not_fit_is_refused(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(OmpModelsError, match=message):
        small(tmp_path, **changes)
