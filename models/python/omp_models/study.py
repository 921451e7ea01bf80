"""The study: tasks x methods x seeds, one line a finished cell, so that it can stop and go on at any time."""

import dataclasses
import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import yaml_text
from .config import PolicyConfig
from .errors import OmpModelsError
from .provenance import commit, hardware, versions
from .recipe import Recipe

DIFFICULTIES = ("adroit", "easy", "medium", "hard", "very hard")
"""Meta-World's classes are those of Seo et al. 2023 (arXiv 2206.14244), as in the papers."""


@dataclass(frozen=True)
class Cell:
    """One training and its judgement."""

    task: str
    method: str
    seed: int

    def __str__(self) -> str:
        return f"{self.task} {self.method} seed {self.seed}"


@dataclass(frozen=True)
class Grid:
    """What is compared, all with the same demonstrations, budget and episodes."""

    demonstrations: int
    episodes: int
    seeds: list[int]
    tasks: dict[str, dict[str, Any]]
    """By name: `difficulty`; on request `observations`, the keys to record, without which nothing is rendered, and
    `recipe`, laid over the common one."""
    methods: dict[str, dict[str, Any]]
    """By name: what is laid over the task's recipe."""
    recipe: dict[str, Any]
    """What every cell has in common."""

    @classmethod
    def from_file(cls, path: Path) -> "Grid":
        """Reads a YAML file. Raises CONFIG_INVALID."""
        if not path.is_file():
            raise OmpModelsError("CONFIG_INVALID", f"{path} does not exist; a grid file is expected")
        values = yaml_text.parse(path.read_text(), str(path))
        expected = sorted(field.name for field in dataclasses.fields(cls))
        if sorted(values) != expected:
            raise OmpModelsError(
                "CONFIG_INVALID", f"{path} has {', '.join(sorted(values))}; {', '.join(expected)} expected"
            )
        grid = cls(**values)
        for task, spec in grid.tasks.items():
            if spec.get("difficulty") not in DIFFICULTIES:
                raise OmpModelsError(
                    "CONFIG_INVALID", f"{path}: {task}: difficulty is one of {', '.join(DIFFICULTIES)}"
                )
        return grid

    def cells(self) -> Iterator[Cell]:
        """Every cell, seed by seed, so that an early end leaves whole comparisons."""
        for seed in self.seeds:
            for task in self.tasks:
                for method in self.methods:
                    yield Cell(task, method, seed)

    def recipe_of(self, cell: Cell, observations: list[dict[str, Any]], world: dict[str, Any]) -> Recipe:
        """The recipe of a cell; `observations` and `world` as `task_facts` gives them."""
        values: dict[str, Any] = {
            "bundle_id": f"{cell.task}-{cell.method}-{cell.seed}".replace("/", "-"),
            "bundle_version": "1.0.0",
            "command": "omp study run",
            "world": cell.task,
            "observations": observations,
            "demonstrations": {"episodes": self.demonstrations, "first_seed": 1_000_000},
            # `omp eval` measures, over the wire.
            "evaluation": {"episodes": 0},
            # A badly trained policy, whose outputs are large, is a result too.
            "export": {"tolerance": {"fp32_max": 1e-3}},
        }
        for layer in (self.recipe, {"train": {"policy": world}}, self.tasks[cell.task].get("recipe", {})):
            yaml_text.lay_over(values, json.loads(json.dumps(layer)))
        yaml_text.lay_over(values, json.loads(json.dumps(self.methods[cell.method])))
        yaml_text.lay_over(values, {"train": {"seed": cell.seed}})
        return Recipe.from_dict(values, str(cell))

    def prediction(self, method: str) -> str:
        """What the network of a method predicts, one of `config.PREDICTIONS`."""
        values = json.loads(json.dumps(self.recipe))
        yaml_text.lay_over(values, self.methods[method])
        return values.get("train", {}).get("policy", {}).get("prediction", PolicyConfig.prediction)

    def budget(self, cell: Cell) -> str:
        """Names what decides a cell's outcome besides the cell itself; another budget is another result."""
        parts = [self.demonstrations, self.episodes, self.recipe, self.tasks[cell.task], self.methods[cell.method]]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


class Results:
    """`results.jsonl`: appended line by line. A last line that was cut short, by a power cut, is dropped."""

    def __init__(self, path: Path):
        self._path = path
        self.lines: list[dict[str, Any]] = []
        if path.exists():
            text = path.read_text()
            whole = text[: text.rfind("\n") + 1]
            if whole != text:
                path.write_text(whole)
            self.lines = [json.loads(line) for line in whole.splitlines()]

    def has(self, cell: Cell, budget: str) -> bool:
        """Whether a former call finished the cell with the same budget."""
        key = {**dataclasses.asdict(cell), "budget": budget}
        return any(key.items() <= line.items() for line in self.lines)

    def add(self, line: dict[str, Any]) -> None:
        """Appends one line and makes sure that it is on the disk."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(line)


class Evaluator:
    """Runs `omp eval`, so that the robot's runtime is in the loop."""

    def __init__(self, node: str, omp: Path, episodes: int):
        self._command = [node, str(omp), "eval"]
        self._episodes = episodes

    def evaluate(self, bundle: Path) -> dict[str, Any]:
        """The report of `omp eval --json`: the runtime against PyTorch on the same seeds. Raises EVALUATION_FAILED."""
        with tempfile.TemporaryDirectory() as folder:
            report = Path(folder) / "report.json"
            options = ["--against", "torch", "--episodes", str(self._episodes), "--json", str(report)]
            ended = subprocess.run(
                [*self._command, str(bundle), *options],
                env={**os.environ, "OMP_PYTHON": sys.executable},
                capture_output=True,
                text=True,
                check=False,
                # Ctrl-C is for the study, which lets the evaluation end.
                start_new_session=True,
            )
            if ended.returncode != 0:
                raise OmpModelsError("EVALUATION_FAILED", f"omp eval {bundle}: {ended.stderr[-500:]}")
            return json.loads(report.read_text())


def result_line(
    grid: Grid, cell: Cell, recipe: Recipe, device: str, timing: dict[str, float], report: dict[str, Any]
) -> dict[str, Any]:
    """What `results.jsonl` says of a finished cell that was trained on `device`."""
    policies = {one["policy"]: one for one in report["policies"]}
    return {
        **dataclasses.asdict(cell),
        "difficulty": grid.tasks[cell.task]["difficulty"],
        "budget": grid.budget(cell),
        "demonstrations": grid.demonstrations,
        "steps": recipe.train.steps,
        **timing,
        "torch": _outcome(policies["torch"]),
        "runtime": {"variant": report["runtime_variant"], **_outcome(policies["runtime"])},
        "paired": report["paired"],
        "hardware": hardware(device, recipe.train.threads),
        "commit": commit(),
        "versions": {"python": platform.python_version(), "runtime": report["runtime"], **versions()},
        "finished_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _outcome(policy: dict[str, Any]) -> dict[str, Any]:
    return {
        "successes": policy["successes"],
        "episodes": policy["episodes"],
        "failed_seeds": policy["failed_seeds"],
        "inference_p50_ms": (policy["inference"] or {}).get("p50_ms"),
        "round_trip_p50_ms": (policy["round_trip"] or {}).get("p50_ms"),
    }
