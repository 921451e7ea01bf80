"""The lines of a study's results, and the numbers that are drawn from several of them."""

import math
import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .study import Grid, Results

Line = dict[str, Any]
"""One finished cell, as `study.result_line` writes it."""


def finished(grid: Grid, results: Results) -> list[Line]:
    """The newest line of every finished cell of the grid, in its order; lines of another budget are left out."""
    newest = {(line["task"], line["method"], line["seed"], line["budget"]): line for line in results.lines}
    keys = [(cell.task, cell.method, cell.seed, grid.budget(cell)) for cell in grid.cells()]
    return [newest[key] for key in keys if key in newest]


def begun(grid: Grid, lines: list[Line]) -> list[str]:
    """The methods that have finished a cell, in the grid's order."""
    return [method for method in grid.methods if pick(lines, method=method)]


def comparable(grid: Grid, lines: list[Line]) -> list[Line]:
    """Only the pairs of task and seed that every method has finished; one that is not begun is not waited for."""
    pairs = Counter((line["task"], line["seed"]) for line in lines)
    methods = len(begun(grid, lines))
    return [line for line in lines if pairs[line["task"], line["seed"]] == methods]


def pick(lines: Iterable[Line], **wanted: Any) -> list[Line]:
    """Those that have these values."""
    return [line for line in lines if wanted.items() <= line.items()]


def pooled(lines: Iterable[Line], who: str) -> tuple[int, int]:
    """Successes and episodes of `torch` or `runtime`, all lines together."""
    lines = list(lines)
    return sum(line[who]["successes"] for line in lines), sum(line[who]["episodes"] for line in lines)


def mean_success(lines: Iterable[Line], who: str = "torch") -> float | None:
    """Mean over tasks of the success of all their episodes, in %; None without a line."""
    rates = [100 * successes / episodes for successes, episodes in _by_task(lines, who)]
    return statistics.mean(rates) if rates else None


def seed_deviation(lines: list[Line]) -> float | None:
    """Standard deviation between training seeds of one task's success, in points, pooled over the tasks.

    None where no task has two seeds. It compares a task with itself, so tasks of unequal difficulty, or a seed that has
    finished fewer tasks, do not add to it.
    """
    squares, freedom = 0.0, 0
    for task in {line["task"] for line in lines}:
        rates = [100 * line["torch"]["successes"] / line["torch"]["episodes"] for line in pick(lines, task=task)]
        squares += sum((rate - statistics.mean(rates)) ** 2 for rate in rates)
        freedom += len(rates) - 1
    return math.sqrt(squares / freedom) if freedom else None


def _by_task(lines: Iterable[Line], who: str) -> list[tuple[int, int]]:
    by_task: dict[str, list[Line]] = {}
    for line in lines:
        by_task.setdefault(line["task"], []).append(line)
    return [pooled(own, who) for own in by_task.values()]
