"""The study's grid, its results file and what its report makes of them."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from omp_models.errors import OmpModelsError
from omp_models.study import Cell, Grid, Results
from omp_models.study_plot import chart
from omp_models.study_report import comparable, finished, report
from omp_models.study_run import stopwatch

STUDY = Path(__file__).resolve().parents[2] / "study"
GRID = STUDY / "grid.yaml"
OBSERVATIONS = [{"key": "observation.state", "unit": "1", "names": [], "rate_hz": 80, "max_age_ms": 125}]
WORLD = {"observation_shapes": {"observation.state": [9]}, "action_dim": 4, "dt_ms": 12.5}


def small(tmp_path: Path, **changes: Any) -> Grid:
    """Two tasks, two methods, two seeds."""
    values = {
        "demonstrations": 10,
        "episodes": 20,
        "seeds": [0, 10],
        "tasks": {"metaworld/door-open": {"difficulty": "easy"}, "metaworld/assembly": {"difficulty": "hard"}},
        "methods": {"omp-jvp": {"train": {"derivative": "jvp"}}, "dp3": {"train": {"policy": {"objective": "dp3"}}}},
        "recipe": {"train": {"steps": 100, "policy": {"horizon": 4, "n_action_steps": 3, "lead_steps": 0}}},
        **changes,
    }
    path = tmp_path / "grid.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return Grid.from_file(path)


def line(grid: Grid, cell: Cell, torch: int, runtime: int) -> dict[str, Any]:
    """A finished cell's line with so many successes."""

    def outcome(successes: int) -> dict[str, Any]:
        return {
            "successes": successes,
            "episodes": 20,
            "failed_seeds": list(range(successes, 20)),
            "inference_p50_ms": 0.5,
            "round_trip_p50_ms": 1.0,
        }

    return {
        "task": cell.task,
        "method": cell.method,
        "seed": cell.seed,
        "budget": grid.budget(cell),
        "difficulty": grid.tasks[cell.task]["difficulty"],
        "steps": 100,
        "train_s": 36.0,
        "torch": outcome(torch),
        "runtime": {"variant": "int8", **outcome(runtime)},
        "paired": {"only_first": [], "only_second": list(range(torch - runtime)), "mcnemar_p": 1.0},
        "hardware": "a processor, 2 logical cores, 1 training thread",
        "commit": "abc",
        "versions": {"torch": "2"},
    }


def test_the_committed_grid_makes_valid_recipes() -> None:
    grid = Grid.from_file(GRID)
    cells = list(grid.cells())
    assert len(cells) == len(grid.tasks) * 6 * 3
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


def test_the_report_compares_only_what_every_method_finished(tmp_path: Path) -> None:
    grid = small(tmp_path)
    results = Results(tmp_path / "results.jsonl")
    successes = {"omp-jvp": 19, "dp3": 8}
    for cell in list(grid.cells())[:-1]:
        results.add(line(grid, cell, successes[cell.method], successes[cell.method] - 2))
    lines = finished(grid, results)
    assert len(lines) == 7
    assert {(one["task"], one["seed"]) for one in lines} - {
        (one["task"], one["seed"]) for one in comparable(grid, lines)
    } == {("metaworld/assembly", 10)}
    text = report(grid, results)
    assert "7 of 8 cells are finished" in text
    assert "| 1     | omp-jvp | 95.0    | 0.0 | 85.0         |" in text
    assert "omp-jvp is ahead of dp3 by more than the intervals" in text
    assert "-10.0 points: more than two points apart" in text
    assert "On 0 seeds only the runtime succeeded, on 14 only PyTorch" in text
    picture = chart(grid, lines)
    assert picture.count("<title>") == 4
    assert "<title>dp3, hard: 40.0 %</title>" in picture


def test_a_stopwatch_counts_interrupted_calls_too(tmp_path: Path) -> None:
    (tmp_path / "train_s.txt").write_text("40.0\n")
    timing: dict[str, float] = {}
    with pytest.raises(KeyboardInterrupt), stopwatch(tmp_path, timing, "train_s"):
        raise KeyboardInterrupt
    with stopwatch(tmp_path, timing, "train_s"):
        pass
    assert 40 <= timing["train_s"] < 60


def test_an_empty_report_says_so(tmp_path: Path) -> None:
    text = report(small(tmp_path), Results(tmp_path / "none.jsonl"))
    assert "0 of 8 cells are finished" in text
    assert "arXiv 2512.19347" in text


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
