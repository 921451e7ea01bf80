"""`RESULTS.md` from the finished cells: every sentence about the numbers is made from them."""

import statistics
from collections import Counter
from collections.abc import Iterable
from typing import Any

from .study import DIFFICULTIES, Grid, Results
from .success_rate import wilson_interval

Line = dict[str, Any]

ABSENT = "-"
"""What a table says where nothing was measured."""

# arXiv 2512.19347, table 1: success in %, 37 tasks, point clouds, 10 demonstrations; Adroit as hammer / door / pen.
PUBLISHED = {
    "omp-jvp": ("? / ? / 60", "?", "77.4", "62.5", "77.8", "82.3"),
    "omp-dde": ("? / ? / 64", "?", "76.4", "61.0", "70.6", "80.8"),
    "mp1": ("100 / 69 / 58", "88.2", "68.0", "58.1", "67.2", "78.9"),
    "flowpolicy": ("98 / 61 / 54", "84.8", "58.2", "40.2", "52.2", "71.6"),
    "dp3": ("100 / 56 / 46", "87.3", "44.5", "32.7", "39.4", "68.7"),
}


def report(grid: Grid, results: Results) -> str:
    """The text. Cells of another budget than the grid's are left out."""
    lines = finished(grid, results)
    count = len(list(grid.cells()))
    parts = [
        "# Results",
        "",
        "Made by `omp study report` from `models/study/results.jsonl`; the grid is `models/study/grid.yaml`.",
        "",
        f"{len(lines)} of {count} cells are finished: {len(grid.tasks)} tasks, {len(grid.methods)} methods, "
        f"{len(grid.seeds)} training seeds. A cell is one training from {grid.demonstrations} demonstrations and "
        f"{grid.episodes} episodes of seeds that no demonstration used. Every method sees the same demonstrations and "
        "the same episodes. PyTorch is the trained policy; the runtime is the INT8 bundle in the TypeScript runtime, "
        "over WebSocket. Policies are told the simulator's state: compare methods with each other, not with a paper.",
        "",
    ]
    if lines:
        parts += ["![Success by difficulty](study/success.svg)", ""]
        parts += [*_by_task(grid, lines), *_by_difficulty(grid, lines), *_ranking(grid, lines)]
        parts += [*_quantization(lines), *_latency(grid, lines), *_budget(grid, lines)]
    parts += _published()
    return "\n".join(parts)


def finished(grid: Grid, results: Results) -> list[Line]:
    """The newest line of every finished cell of the grid."""
    newest = {(line["task"], line["method"], line["seed"], line["budget"]): line for line in results.lines}
    keys = [(cell.task, cell.method, cell.seed, grid.budget(cell)) for cell in grid.cells()]
    return [newest[key] for key in keys if key in newest]


def mean_success(lines: Iterable[Line], who: str = "torch") -> float | None:
    """Mean over tasks of the success of all their episodes, in %; None without a line."""
    by_task: dict[str, list[Line]] = {}
    for line in lines:
        by_task.setdefault(line["task"], []).append(line)
    return statistics.mean(100 * _rate(one, who) for one in by_task.values()) if by_task else None


def _rate(lines: list[Line], who: str) -> float:
    successes, episodes = _pooled(lines, who)
    return successes / episodes


def _pooled(lines: list[Line], who: str) -> tuple[int, int]:
    return sum(line[who]["successes"] for line in lines), sum(line[who]["episodes"] for line in lines)


def _of(lines: list[Line], **wanted: Any) -> list[Line]:
    return [line for line in lines if wanted.items() <= line.items()]


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    """A Markdown table as prettier leaves it."""
    widths = [max(3, *(len(row[i]) for row in [head, *rows])) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return [line(head), line(["-" * width for width in widths]), *map(line, rows), ""]


def _by_task(grid: Grid, lines: list[Line]) -> list[str]:
    rows = []
    for task, spec in grid.tasks.items():
        for who in ("torch", "runtime"):
            cells = []
            for method in grid.methods:
                found = _of(lines, task=task, method=method)
                if not found:
                    cells.append(ABSENT)
                    continue
                successes, episodes = _pooled(found, who)
                low, high = wilson_interval(successes, episodes)
                cells.append(f"{100 * successes / episodes:.0f} [{100 * low:.0f}, {100 * high:.0f}]")
            name = {"torch": "PyTorch", "runtime": "runtime"}[who]
            rows.append([task, spec["difficulty"], name, *cells])
    return [
        "## By task",
        "",
        "Success in % of all episodes of all finished seeds, with Wilson's 95 % interval. The interval is that of "
        "episodes; training seeds differ by more, see the standard deviation in the ranking.",
        "",
        *_table(["task", "class", "who", *grid.methods], rows),
    ]


def _by_difficulty(grid: Grid, lines: list[Line]) -> list[str]:
    rows = []
    for difficulty in DIFFICULTIES:
        tasks = [task for task, spec in grid.tasks.items() if spec["difficulty"] == difficulty]
        if tasks:
            means = [mean_success(_of(lines, difficulty=difficulty, method=method)) for method in grid.methods]
            rows.append([f"{difficulty} ({len(tasks)})", *map(_percent, means)])
    return ["## By class", "", "Mean over tasks, %, PyTorch.", "", *_table(["class (tasks)", *grid.methods], rows)]


def _percent(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.1f}"


def comparable(grid: Grid, lines: list[Line]) -> list[Line]:
    """Only the pairs of task and seed that every method has finished."""
    pairs = Counter((line["task"], line["seed"]) for line in lines)
    return [line for line in lines if pairs[line["task"], line["seed"]] == len(grid.methods)]


def _ranking(grid: Grid, lines: list[Line]) -> list[str]:
    fair = comparable(grid, lines)
    if not fair:
        return ["## Ranking", "", "No task is finished by every method yet.", ""]
    ranked = []
    for method in grid.methods:
        own = _of(fair, method=method)
        seeds = [mean_success(_of(own, seed=seed)) for seed in sorted({line["seed"] for line in own})]
        spread = statistics.stdev(seeds) if len(seeds) > 1 else None
        ranked.append((mean_success(own) or 0.0, mean_success(own, "runtime") or 0.0, spread, method, own))
    ranked.sort(key=lambda one: -one[0])
    rows = [
        [
            # Equal means share a place.
            str(1 + sum(other[0] > torch for other in ranked)),
            method,
            f"{torch:.1f}",
            ABSENT if spread is None else f"{spread:.1f}",
            f"{runtime:.1f}",
        ]
        for torch, runtime, spread, method, _ in ranked
    ]
    first, second = ranked[0], ranked[1] if len(ranked) > 1 else ranked[0]
    intervals = [wilson_interval(*_pooled(one[4], "torch")) for one in (first, second)]
    overlap = intervals[0][0] <= intervals[1][1]
    remark = (
        f"The best two, {first[3]} and {second[3]}, are not told apart by these episodes: their intervals overlap."
        if overlap
        else f"{first[3]} is ahead of {second[3]} by more than the intervals of their episodes."
    )
    tasks, seeds = len({line["task"] for line in fair}), len({line["seed"] for line in fair})
    return [
        "## Ranking",
        "",
        f"Over the {len(fair) // len(grid.methods)} pairs of task and seed that every method has finished, of {tasks} "
        f"tasks and {seeds} training seeds: mean over tasks in %, and its standard deviation over training seeds.",
        "",
        *_table(["place", "method", "PyTorch", "std", "runtime INT8"], rows),
        remark,
        "",
    ]


def _quantization(lines: list[Line]) -> list[str]:
    torch, runtime = _pooled(lines, "torch"), _pooled(lines, "runtime")
    difference = 100 * (runtime[0] / runtime[1] - torch[0] / torch[1])
    lost = sum(len(line["paired"]["only_second"]) for line in lines)
    won = sum(len(line["paired"]["only_first"]) for line in lines)
    verdict = "within two points" if abs(difference) <= 2 else "more than two points apart"
    return [
        "## INT8 in the runtime",
        "",
        f"{runtime[0]} of {runtime[1]} episodes succeeded in INT8 in the runtime and {torch[0]} in PyTorch, "
        f"{difference:+.1f} points: {verdict}. On {won} seeds only the runtime succeeded, on {lost} only PyTorch.",
        "",
    ]


def _latency(grid: Grid, lines: list[Line]) -> list[str]:
    rows = []
    for method in grid.methods:
        own = _of(lines, method=method)
        if own:
            times = [
                [line[who][key] for line in own if line[who][key] is not None]
                for who, key in (
                    ("runtime", "inference_p50_ms"),
                    ("runtime", "round_trip_p50_ms"),
                    ("torch", "inference_p50_ms"),
                )
            ]
            rows.append([method, *(ABSENT if not one else f"{statistics.median(one):.2f}" for one in times)])
    return [
        "## Time of an inference",
        "",
        "Median over cells of the median, ms, a chunk. The machine was shared, so read them as upper bounds.",
        "",
        *_table(["method", "runtime INT8", "with round trip", "PyTorch"], rows),
    ]


def _budget(grid: Grid, lines: list[Line]) -> list[str]:
    hours = sum(line["train_s"] for line in lines) / 3600
    steps = sorted({line["steps"] for line in lines})
    machines = sorted({line["hardware"] for line in lines})
    commits = sorted({line["commit"] for line in lines if line["commit"]})
    versions = lines[-1]["versions"]
    return [
        "## Budget",
        "",
        f"- {', '.join(map(str, steps))} optimiser steps a cell, {hours:.1f} h of training in all, "
        f"{60 * hours / len(lines):.1f} min a cell.",
        f"- Hardware: {'; '.join(machines)}.",
        f"- Commits: {', '.join(commits) or 'unknown'}.",
        f"- {', '.join(f'{name} {version}' for name, version in versions.items())}.",
        "",
    ]


def _published() -> list[str]:
    rows = [[method, *numbers] for method, numbers in PUBLISHED.items()]
    return [
        "## What the paper reports",
        "",
        "[arXiv 2512.19347](https://arxiv.org/abs/2512.19347): success in %, mean of three seeds, policies on point "
        "clouds with 256 M weights, 10 demonstrations, 37 tasks. `?` is not published. The protocol differs, so only "
        "the order can be compared.",
        "",
        *_table(["method", "Adroit hammer / door / pen", "easy", "medium", "hard", "very hard", "all 37"], rows),
    ]
