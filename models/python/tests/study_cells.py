"""Small grids and finished cells for the tests of the study."""

from pathlib import Path
from typing import Any

import yaml

from omp_models.study import Cell, Grid


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
    """A finished cell's line with so many successes; those of the runtime are among PyTorch's."""

    def outcome(successes: int) -> dict[str, Any]:
        return {
            "successes": successes,
            "episodes": grid.episodes,
            "failed_seeds": list(range(successes, grid.episodes)),
            "inference_p50_ms": 0.5 + 0.1 * cell.seed,
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
        "export_s": 3.6,
        "torch": outcome(torch),
        "runtime": {"variant": "int8", **outcome(runtime)},
        "paired": {"only_first": [], "only_second": list(range(torch - runtime)), "mcnemar_p": 1.0},
        "hardware": "a processor, 2 logical cores, 1 training thread",
        "commit": "abc",
        "versions": {"torch": "2"},
    }
