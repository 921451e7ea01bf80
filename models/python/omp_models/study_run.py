"""Runs the cells of a study that are not finished yet."""

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from . import commands, events
from .dataset import ACTION_KEY
from .errors import OmpModelsError
from .interrupt import Interrupt
from .recipe import DemonstrationSpec
from .study import Cell, Evaluator, Grid, Results, result_line


def run_study(
    grid: Grid,
    results: Results,
    work: Path,
    evaluator: Evaluator,
    experts: Path | None,
    limit_s: float,
    device: str,
    interrupt: Interrupt,
) -> dict[str, Any]:
    """Every missing cell in the grid's order; a new one is begun only within `limit_s`.

    A cell that was interrupted while it trained goes on from its checkpoint in `work`. One that fails is told and left
    to the next call; the others go on.
    """
    started = time.monotonic()
    failed = 0
    cells = list(grid.cells())
    missing = [cell for cell in cells if not results.has(cell, grid.budget(cell))]
    progress = events.Progress("study", len(cells), len(cells) - len(missing), interval_s=0)
    for count, cell in enumerate(missing):
        interrupt.check()
        if time.monotonic() - started >= limit_s:
            events.log(f"the time is over; {len(missing) - count} cells are left for the next call")
            break
        events.log(str(cell))
        try:
            line = run_cell(grid, cell, work, evaluator, experts, device, interrupt)
        except OmpModelsError as error:
            failed += 1
            events.log(f"{cell} failed: {error.code}: {error}")
            continue
        results.add(line)
        runtime = line["runtime"]
        events.log(
            f"{cell}: PyTorch {line['torch']['successes']}, {runtime['variant']} in the runtime {runtime['successes']} "
            f"of {grid.episodes}; trained {line['train_s']:.0f} s"
        )
        progress.update(len(cells) - len(missing) + count + 1)
    finished = sum(results.has(cell, grid.budget(cell)) for cell in cells)
    return {"cells": len(cells), "finished": finished, "failed": failed}


def run_cell(
    grid: Grid, cell: Cell, work: Path, evaluator: Evaluator, experts: Path | None, device: str, interrupt: Interrupt
) -> dict[str, Any]:
    """Trains, exports and judges one cell; its run is deleted, the demonstrations of its task stay."""
    family = cell.task.replace("/", "-")
    keys = grid.tasks[cell.task].get("observations")
    seen = "".join("-" + key.removeprefix("observation.") for key in keys or ())
    data = work / f"{family}-{grid.demonstrations}{seen}.npz"
    if not data.exists():
        experts = experts if cell.task.startswith("adroit/") else None
        commands.collect(cell.task, DemonstrationSpec(grid.demonstrations, 1_000_000), data, interrupt, keys, experts)
    run = work / f"{family}-{cell.method}-{cell.seed}-{grid.budget(cell)}"
    recipe = grid.recipe_of(cell, *task_facts(data))
    timing = {}
    with stopwatch(run, timing, "train_s"):
        commands.train_recipe(recipe, data, run, device, interrupt)
    with stopwatch(run, timing, "export_s"):
        commands.export(run, data, run / "bundle", None, interrupt)
    report = evaluator.evaluate(run / "bundle")
    shutil.rmtree(run)
    return result_line(grid, cell, recipe, device, timing, report)


@contextmanager
def stopwatch(run: Path, timing: dict[str, float], name: str) -> Iterator[None]:
    """Sets `timing[name]` to the seconds of the block, those of interrupted earlier calls in the same run included."""
    kept = run / f"{name}.txt"
    before_s = float(kept.read_text()) if kept.exists() else 0.0
    began = time.monotonic()
    try:
        yield
    finally:
        timing[name] = round(before_s + time.monotonic() - began, 1)
        if run.is_dir():
            kept.write_text(f"{timing[name]}\n")


def task_facts(data: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """What a recipe must say of a task, read from its demonstrations: `observations`, and keys of the policy."""
    with np.load(data, allow_pickle=False) as arrays:
        dt_ms = float(arrays["dt_ms"])
        shapes = {key: list(arrays[key].shape[1:]) for key in arrays.files if key.startswith("observation.")}
        action_dim = arrays[ACTION_KEY].shape[1]
    observations = [
        {"key": key, "unit": "1", "names": [], "rate_hz": 1000 / dt_ms, "max_age_ms": 10 * dt_ms} for key in shapes
    ]
    return observations, {"observation_shapes": shapes, "action_dim": action_dim, "dt_ms": dt_ms}
