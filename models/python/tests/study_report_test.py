"""What the report makes of finished cells, and what it says when there are few."""

import csv
import json
from pathlib import Path

import pytest
from study_cells import line, small

from omp_models.further_measurements import further_measurements
from omp_models.study import Grid, Results
from omp_models.study_lines import comparable, finished, seed_deviation
from omp_models.study_plot import chart
from omp_models.study_ranking import differences
from omp_models.study_report import report

THREE_SEEDS = [0, 10, 20]


def fill(grid: Grid, path: Path, successes: dict[str, int], runtime_less: int = 0) -> Results:
    """Every cell of `grid` with the PyTorch successes of its method."""
    results = Results(path)
    for cell in grid.cells():
        results.add(line(grid, cell, successes[cell.method], successes[cell.method] - runtime_less))
    return results


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
    assert "| metaworld/assembly  | hard  | 1-2   | PyTorch | 95 [83, 99] | 40 [22, 61] |" in text
    assert "| 1     | omp-jvp | 95.0    | 0.0 | 85.0         |" in text
    assert "-10.0 points (95 % interval -15.0 to -4.8): more than two points apart" in text
    assert "On 0 seeds only the runtime succeeded, on 14 only PyTorch: McNemar's exact p 0.00012." in text
    assert "| omp-jvp | 0.50 / 1.00  |" in text
    picture = chart(grid, lines)
    assert picture.count("<title>") == 4
    assert "<title>dp3, hard: 40.0 %</title>" in picture


def test_a_task_without_a_cell_is_named_and_has_no_row(tmp_path: Path) -> None:
    grid = small(tmp_path)
    results = Results(tmp_path / "results.jsonl")
    cell = next(grid.cells())
    results.add(line(grid, cell, 20, 20))
    text = report(grid, results)
    assert "Not begun: metaworld/assembly." in text
    assert "| metaworld/assembly" not in text


def test_a_method_that_is_not_begun_is_not_waited_for_and_one_that_is_begun_is(tmp_path: Path) -> None:
    grid = small(tmp_path, methods={"omp-jvp": {}, "mp1": {}, "dp3": {}})
    results = Results(tmp_path / "results.jsonl")
    cells = list(grid.cells())
    for cell in cells[:2]:
        results.add(line(grid, cell, 10, 10))
    text = report(grid, results)
    assert "omp-jvp and mp1 share the highest mean." in text
    assert "| dp3    |" not in text[text.index("## Ranking") : text.index("## Beside")]
    results.add(line(grid, cells[5], 10, 10))
    assert "No task is finished by every method yet." in report(grid, results)


def test_equal_means_share_the_first_place(tmp_path: Path) -> None:
    grid = small(tmp_path, methods={"omp-jvp": {}, "mp1": {}, "dp3": {}})
    results = fill(grid, tmp_path / "results.jsonl", {"omp-jvp": 20, "mp1": 20, "dp3": 12})
    text = report(grid, results)
    assert (
        "| 1     | omp-jvp | 100.0" in text
        and "| 1     | mp1     | 100.0" in text
        and "| 3     | dp3     | 60.0" in text
    )
    assert "omp-jvp and mp1 share the highest mean. Not told apart from them: dp3." in text
    assert "4 pairs cannot show a difference among 3" in text
    assert "| mp1     | +0.0" in text and "-0.0" not in text


def test_a_difference_in_every_pair_is_told_from_chance(tmp_path: Path) -> None:
    tasks = {f"metaworld/{name}": {"difficulty": "hard"} for name in ("assembly", "pick-place", "hand-insert")}
    grid = small(tmp_path, tasks=tasks, seeds=THREE_SEEDS, methods={"omp-jvp": {}, "mp1": {}, "dp3": {}})
    results = fill(grid, tmp_path / "results.jsonl", {"omp-jvp": 15, "mp1": 10, "dp3": 12})
    told = differences(grid, finished(grid, results))
    assert told["omp-jvp", "mp1"].points == pytest.approx(25)
    assert told["mp1", "omp-jvp"].points == pytest.approx(-25)
    assert told["omp-jvp", "mp1"].p == pytest.approx(3 * 2 / 2**9)
    text = report(grid, results)
    assert "| omp-jvp |         | +15.0* | +25.0* |" in text
    assert "omp-jvp has the highest mean. Behind it by more than chance: dp3 and mp1." in text
    assert "confirm omp-jvp over mp1 and omp-jvp over dp3; contradict mp1 over dp3; and leave open none." in text, (
        "the paper has mp1 ahead of dp3"
    )


def test_what_the_paper_reports_stands_beside(tmp_path: Path) -> None:
    tasks = {"adroit/hammer": {"difficulty": "adroit"}, "metaworld/hammer": {"difficulty": "medium"}}
    grid = small(tmp_path, tasks=tasks)
    text = report(grid, fill(grid, tmp_path / "results.jsonl", {"omp-jvp": 10, "dp3": 19}))
    assert "| omp-jvp    | here  | 50 / - / -                 | -    | 50.0   | -    | -         | 50.0 |" in text
    assert "| dp3        | paper | 100 / 56 / 46              | 87.3 | 44.5   | 32.7 | 39.4      | 68.7 |" in text
    assert "| mp1        | here" not in text


def test_methods_are_grouped_by_what_their_network_predicts(tmp_path: Path) -> None:
    velocity = {"train": {"policy": {"prediction": "velocity"}}}
    grid = small(tmp_path, methods={"omp-jvp": velocity, "mp1": velocity, "dp3": {}})
    text = report(grid, fill(grid, tmp_path / "results.jsonl", {"omp-jvp": 10, "mp1": 14, "dp3": 20}))
    assert "| velocity | omp-jvp and mp1 | 60.0  | 60.0  |" in text
    assert "| actions  | dp3             | 100.0 | 100.0 |" in text


@pytest.mark.parametrize(
    ("successes", "remark"),
    [(20, "Every method succeeds in 95 % or more of"), (0, "No method succeeds in more than 5 % of")],
)
def test_a_task_that_tells_nothing_is_named(tmp_path: Path, successes: int, remark: str) -> None:
    grid = small(tmp_path)
    text = report(grid, fill(grid, tmp_path / "results.jsonl", dict.fromkeys(grid.methods, successes)))
    assert f"{remark} metaworld/door-open and metaworld/assembly" in text
    assert "Cells in which the two succeed in 20 to 90 % on average" not in text


def test_few_episodes_do_not_settle_two_points(tmp_path: Path) -> None:
    grid = small(tmp_path)
    text = report(grid, fill(grid, tmp_path / "results.jsonl", {"omp-jvp": 10, "dp3": 20}))
    assert "All cells: 120 of 160 episodes succeeded in INT8 in the runtime and 120 in PyTorch, +0.0 points" in text
    assert "Cells in which the two succeed in 20 to 90 % on average: 40 of 80 episodes" in text
    assert "within two points, which so few episodes do not settle" in text


def test_the_deviation_is_between_seeds_and_not_between_tasks(tmp_path: Path) -> None:
    grid = small(tmp_path)
    successes = {("metaworld/door-open", 0): 20, ("metaworld/door-open", 10): 18, ("metaworld/assembly", 0): 2}
    cells = [cell for cell in grid.cells() if cell.method == "dp3" and (cell.task, cell.seed) in successes]
    lines = [line(grid, cell, successes[cell.task, cell.seed], 0) for cell in cells]
    assert seed_deviation(lines) == pytest.approx(50**0.5)
    assert seed_deviation(lines[-1:]) is None


def sweep(folder: Path, rates: dict[int, list[int]]) -> str:
    """The report's section on a sweep with so many successes of 100 by seed and by weight 0, 0.1, 0.5, 1 .. in turn."""
    weights = ["0", "0.1", "0.5", "1"]
    with (folder / "directional-weight.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["train.seed", "train.lambda_directional", "successes", "episodes", "hardware", "commit"])
        for seed, successes in rates.items():
            for weight, count in zip(weights, successes, strict=False):
                writer.writerow([seed, weight, count, 100, "a processor", "abc"])
    return "\n".join(further_measurements(folder))


def test_a_sweep_says_when_it_cannot_tell(tmp_path: Path) -> None:
    text = sweep(tmp_path, {0: [50, 40, 60, 45], 10: [45, 60, 40, 50]})
    assert "| 0.1    | 40     | 60      | 50 [43, 57] |" in text
    assert "this sweep cannot tell which weight is best" in text and "default stays 0.1" in text


def test_a_sweep_says_which_weight_is_best(tmp_path: Path) -> None:
    seeds = {seed: [20 + seed, 40 + seed, 60 + seed, 80 + seed] for seed in (0, 1, 2, 3)}
    assert "The best is 1; the default is 0.1." in sweep(tmp_path, seeds)


def test_a_sweep_that_is_not_over_shows_what_there_is(tmp_path: Path) -> None:
    text = sweep(tmp_path, {0: [50, 40, 60, 45], 10: [45]})
    assert "| 0.5    | 60     | -       | 60 [50, 69] |" in text
    assert "No two weights are finished with every seed." in text


def test_further_grids_are_told_where_they_lie_beside_the_results(tmp_path: Path) -> None:
    assert [text for text in further_measurements(tmp_path) if text.startswith("## ")] == ["## Getting it again"]
    for name in ("pairs", "point-cloud"):
        grid = small(tmp_path, methods={"omp-dde": {}}, episodes=300)
        (tmp_path / "grid.yaml").rename(tmp_path / f"{name}.yaml")
        fill(grid, tmp_path / f"{name}.jsonl", {"omp-dde": 150}, runtime_less=3)
    text = "\n".join(further_measurements(tmp_path))
    assert "588 of 1200 episodes succeeded in INT8 in the runtime and 600 in PyTorch, -1.0 points" in text
    assert "## Point clouds in closed loop" in text and "10 demonstrations, 300 episodes" in text


def test_memory_is_told_in_shares_of_the_most(tmp_path: Path) -> None:
    sizes = {"peak_mb": 900.0, "down_dims": [16, 32], "horizon": 4, "batch": 8, "device": "cpu"}
    ways = {name: {**sizes, "above_start_mb": mb} for name, mb in (("jvp_create_graph", 200.0), ("dde", 50.0))}
    (tmp_path / "memory.json").write_text(json.dumps(ways))
    text = "\n".join(further_measurements(tmp_path))
    assert "levels [16, 32], horizon 4, batch 8 on cpu" in text
    assert "| `dde`              | 50.0  | 25 %        |" in text


def test_an_empty_report_says_so(tmp_path: Path) -> None:
    text = report(small(tmp_path), Results(tmp_path / "none.jsonl"))
    assert "0 of 8 cells are finished" in text
    assert "arXiv 2512.19347" in text
