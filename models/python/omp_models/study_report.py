"""`RESULTS.md` from the finished cells: every sentence about the numbers is made from them."""

import statistics

from .markdown import ABSENT, listed, number, table
from .published import PUBLISHED_MS, beside_published
from .study import DIFFICULTIES, Grid, Results
from .study_lines import Line, begun, comparable, finished, mean_success, pick, pooled
from .study_ranking import ranking
from .success_rate import mcnemar_p, paired_interval, wilson_interval

UNCERTAIN = (0.2, 0.9)
"""Success between these leaves room for a graph to be worse, or better, than another."""
WHO = {"torch": "PyTorch", "runtime": "runtime"}


def report(grid: Grid, results: Results, further: list[str] | None = None) -> str:
    """The text; `further` are the lines of sections on other measurements. Cells of another budget are left out."""
    lines = finished(grid, results)
    count = len(list(grid.cells()))
    parts = [
        "# Results",
        "",
        "Made by `omp study report` from the logs in `models/study`; the grid is `models/study/grid.yaml`.",
        "",
        f"{len(lines)} of {count} cells are finished: {len(grid.tasks)} tasks, {len(grid.methods)} methods, training "
        f"seeds {listed(list(map(str, grid.seeds)))}. A cell is one training from {grid.demonstrations} demonstrations "
        f"and {grid.episodes} episodes of seeds that no demonstration used. Every method sees the same demonstrations "
        "and the same episodes. PyTorch is the trained policy; the runtime is the INT8 bundle in the TypeScript "
        "runtime, over WebSocket. Policies are told the simulator's state: compare methods with each other, not with "
        "a paper.",
        "",
    ]
    if lines:
        parts += ["![Success by difficulty](study/success.svg)", ""]
        parts += [*_by_task(grid, lines), *_by_difficulty(grid, lines), *ranking(grid, lines)]
        parts += [*beside_published(grid, lines), *_quantization(lines), *_latency(grid, lines)]
        parts += [*_budget(lines)]
    else:
        parts += beside_published(grid, lines)
    return "\n".join([*parts, *(further or [])])


def success(lines: list[Line], who: str) -> str:
    """Success of `torch` or `runtime` in all episodes in %, with Wilson's 95 % interval."""
    successes, episodes = pooled(lines, who)
    low, high = wilson_interval(successes, episodes)
    return f"{100 * successes / episodes:.0f} [{100 * low:.0f}, {100 * high:.0f}]"


def _by_task(grid: Grid, lines: list[Line]) -> list[str]:
    rows = []
    tasks = [task for task in grid.tasks if pick(lines, task=task)]
    for task in tasks:
        own = {method: pick(lines, task=task, method=method) for method in grid.methods}
        counts = [len(of) for of in own.values()]
        seeds = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)}-{max(counts)}"
        for who, name in WHO.items():
            cells = [success(of, who) if of else ABSENT for of in own.values()]
            rows.append([task, grid.tasks[task]["difficulty"], seeds, name, *cells])
    waiting = [task for task in grid.tasks if task not in tasks]
    return [
        "## By task",
        "",
        "Success in % of all episodes of all finished seeds, with Wilson's 95 % interval. The interval is that of "
        "episodes; training seeds differ by more, see the standard deviation in the ranking.",
        "",
        *table(["task", "class", "seeds", "who", *grid.methods], rows),
        *([f"Not begun: {listed(waiting)}.", ""] if waiting else []),
        *_telling(grid, lines, tasks),
    ]


def _telling(grid: Grid, lines: list[Line], tasks: list[str]) -> list[str]:
    """Which tasks can tell methods apart at all."""
    fair, methods = comparable(grid, lines), begun(grid, lines)
    rates = {
        task: [mean_success(pick(fair, task=task, method=method)) or 0.0 for method in methods]
        for task in tasks
        if pick(fair, task=task)
    }
    ceiling = [task for task, of in rates.items() if min(of) >= 95]
    floor = [task for task, of in rates.items() if max(of) <= 5]
    parts = []
    if ceiling:
        parts.append(f"Every method succeeds in 95 % or more of {listed(ceiling)}: nothing is compared there.")
    if floor:
        parts.append(
            f"No method succeeds in more than 5 % of {listed(floor)}: the budget is too small for a comparison."
        )
    return [" ".join(parts), ""] if parts else []


def _by_difficulty(grid: Grid, lines: list[Line]) -> list[str]:
    fair, rows = comparable(grid, lines), []
    for difficulty in DIFFICULTIES:
        tasks = [task for task, spec in grid.tasks.items() if spec["difficulty"] == difficulty]
        own = pick(fair, difficulty=difficulty)
        if tasks:
            means = [mean_success(pick(own, method=method)) for method in grid.methods]
            done = len({line["task"] for line in own})
            rows.append([f"{difficulty} ({done} of {len(tasks)})", *map(number, means)])
    return [
        "## By class",
        "",
        "Mean over tasks, %, PyTorch; of the pairs of task and seed that every method has finished.",
        "",
        *table(["class (tasks)", *grid.methods], rows),
        *_by_prediction(grid, fair),
    ]


def _by_prediction(grid: Grid, fair: list[Line]) -> list[str]:
    """The classes again, by what the network's output stands for: at a small budget that decides more than the loss."""
    groups: dict[str, list[str]] = {}
    for method in begun(grid, fair):
        groups.setdefault(grid.prediction(method), []).append(method)
    classes = [name for name in DIFFICULTIES if pick(fair, difficulty=name)]
    if len(groups) < 2 or not classes:
        return []
    rows = []
    for prediction, methods in groups.items():
        own = [line for line in fair if line["method"] in methods]
        rows.append([prediction, listed(methods), *(number(mean_success(pick(own, difficulty=c))) for c in classes)])
    return [
        "The same by what the network predicts, the velocity or the actions themselves (`prediction` of a recipe):",
        "",
        *table(["predicts", "methods", *classes], rows),
    ]


def _quantization(lines: list[Line]) -> list[str]:
    # Chosen by both: one alone would be chosen for its luck, and the other look worse.
    uncertain = [line for line in lines if UNCERTAIN[0] <= _mean_of_both(line) <= UNCERTAIN[1]]
    parts = ["## INT8 in the runtime", "", f"All cells: {paired_sentence(lines)}", ""]
    if uncertain:
        low, high = (f"{100 * bound:.0f}" for bound in UNCERTAIN)
        parts += [f"Cells in which the two succeed in {low} to {high} % on average: {paired_sentence(uncertain)}", ""]
    return parts


def _mean_of_both(line: Line) -> float:
    return statistics.mean(line[who]["successes"] / line[who]["episodes"] for who in WHO)


def paired_sentence(lines: list[Line]) -> str:
    """INT8 in the runtime against PyTorch on the same episodes."""
    torch, runtime = pooled(lines, "torch"), pooled(lines, "runtime")
    difference = 100 * (runtime[0] / runtime[1] - torch[0] / torch[1])
    lost = sum(len(line["paired"]["only_second"]) for line in lines)
    won = sum(len(line["paired"]["only_first"]) for line in lines)
    low, high = (100 * bound for bound in paired_interval(won, lost, torch[1]))
    verdict = "within two points" if abs(difference) <= 2 else "more than two points apart"
    if low < 2 and high > -2 and (low < -2 or high > 2):
        verdict += ", which so few episodes do not settle"
    return (
        f"{runtime[0]} of {runtime[1]} episodes succeeded in INT8 in the runtime and {torch[0]} in PyTorch, "
        f"{difference:+.1f} points (95 % interval {low:+.1f} to {high:+.1f}): {verdict}. On {won} seeds only the "
        f"runtime succeeded, on {lost} only PyTorch: McNemar's exact p {mcnemar_p(won, lost):.2g}."
    )


def _latency(grid: Grid, lines: list[Line]) -> list[str]:
    measured = (("runtime", "inference_p50_ms"), ("runtime", "round_trip_p50_ms"), ("torch", "inference_p50_ms"))
    rows = []
    for method in grid.methods:
        own = pick(lines, method=method)
        if own:
            times = [[line[who][key] for line in own if line[who][key] is not None] for who, key in measured]
            cells = [f"{min(of):.2f} / {statistics.median(of):.2f}" if of else ABSENT for of in times]
            rows.append([method, *cells, PUBLISHED_MS.get(method, ABSENT)])
    return [
        "## Time of an inference",
        "",
        "ms a chunk, of each cell the median: the least of all cells / the median of all cells. All on the processor "
        "named below, one thread, batch 1. The machine was shared: the least is the one to compare. The paper's are "
        "those of an RTX 4090, its network and its point encoder.",
        "",
        *table(["method", "runtime INT8", "with round trip", "PyTorch fp32", "paper"], rows),
    ]


def _budget(lines: list[Line]) -> list[str]:
    return ["## Budget", "", *origin(lines)]


def origin(lines: list[Line]) -> list[str]:
    """What the lines cost, and on what they were made."""
    hours = sum(line["train_s"] for line in lines) / 3600
    export_hours = sum(line["export_s"] for line in lines) / 3600
    steps = sorted({line["steps"] for line in lines})
    machines = sorted({line["hardware"] for line in lines})
    commits = sorted({line["commit"] for line in lines if line["commit"]})
    return [
        f"- {', '.join(map(str, steps))} optimiser steps a cell, {hours:.1f} h of training in all, "
        f"{60 * hours / len(lines):.1f} min a cell; {export_hours:.1f} h of export and quantization.",
        f"- Hardware: {'; '.join(machines)}.",
        f"- Commits: {', '.join(commits) or 'unknown'}.",
        f"- {', '.join(f'{name} {version}' for name, version in lines[-1]['versions'].items())}.",
        "",
    ]
