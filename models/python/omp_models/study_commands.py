"""What the study's commands do; see `commands`."""

from pathlib import Path
from typing import Any

from . import events
from .further_measurements import further_measurements
from .interrupt import Interrupt
from .study import Evaluator, Grid, Results
from .study_lines import finished
from .study_plot import chart
from .study_report import report
from .study_run import run_study


def run(
    config: Path,
    results: Path,
    work: Path,
    evaluator: Evaluator,
    experts: Path | None,
    limit_s: float,
    device: str,
    interrupt: Interrupt,
) -> dict[str, Any]:
    """Runs missing cells, within `limit_s`."""
    grid = Grid.from_file(config)
    return run_study(grid, Results(results), work, evaluator, experts, limit_s, device, interrupt)


def write_report(config: Path, results: Path, out: Path) -> dict[str, Any]:
    """Writes the report, with what else was measured beside the results, and there its chart."""
    grid, found = Grid.from_file(config), Results(results)
    lines = finished(grid, found)
    out.write_text(report(grid, found, further_measurements(results.parent)))
    (results.parent / "success.svg").write_text(chart(grid, lines))
    cells = len(list(grid.cells()))
    events.say(f"{out}: {len(lines)} of {cells} cells")
    return {"report": str(out), "cells": cells, "finished": len(lines)}
