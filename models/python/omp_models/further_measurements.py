"""Sections of `RESULTS.md` on measurements beside the grid: what lies in the folder of the study's results is told.

| file | content |
|---|---|
| `directional-weight.csv` | table of a sweep over `train.lambda_directional` and `train.seed` |
| `pairs.yaml`, `pairs.jsonl` | a grid whose success is uncertain, with many episodes a cell |
| `point-cloud.yaml`, `point-cloud.jsonl` | a grid of policies on point clouds |
| `memory.json` | output of `python -m omp_models.memory --json` |
"""

import csv
import json
from pathlib import Path

import numpy as np

from .config import TrainConfig
from .markdown import ABSENT, listed, number, table
from .study import Grid, Results
from .study_lines import Line, finished
from .study_report import origin, paired_sentence, success
from .success_rate import spread_p, wilson_interval

COMMANDS = """\
npx omp study run --experts DAPG_POLICIES
for log in pairs point-cloud; do
  npx omp study run --config models/study/$log.yaml --results models/study/$log.jsonl
done
RUN=models/runs/directional-weight CONFIG=models/study/directional-weight.yaml
python -m omp_models collect --config $CONFIG --out $RUN/demonstrations.npz
python -m omp_models sweep --config $CONFIG --data $RUN/demonstrations.npz --out $RUN \\
  --vary train.seed=0,10 --vary train.lambda_directional=0,0.01,0.05,0.1,0.5,1
cp $RUN/sweep.csv models/study/directional-weight.csv
python -m omp_models.memory --json > models/study/memory.json
npx omp study report"""
"""What makes the logs and the report again."""
WEIGHT, SEED = "train.lambda_directional", "train.seed"


def further_measurements(folder: Path) -> list[str]:
    """The lines of all sections whose files exist, and of the commands that make the files."""
    return [
        *pairs(folder),
        *point_clouds(folder),
        *directional_weight(folder / "directional-weight.csv"),
        *training_memory(folder / "memory.json"),
        "## Getting it again",
        "",
        "Each command goes on where it was stopped. To train the grids anew, remove their logs first.",
        "",
        "```sh",
        *COMMANDS.splitlines(),
        "```",
        "",
    ]


def directional_weight(sweep: Path) -> list[str]:
    """What a sweep of OMP's lambda_directional says of its default."""
    if not sweep.is_file():
        return []
    with sweep.open(newline="") as file:
        rows = list(csv.DictReader(file))
    weights = sorted({float(row[WEIGHT]) for row in rows})
    found = {(row[SEED], float(row[WEIGHT])): row for row in rows}
    seeds = sorted({row[SEED] for row in rows}, key=int)
    counts = {key: (int(row["successes"]), int(row["episodes"])) for key, row in found.items()}
    body = []
    for weight in weights:
        own = [counts.get((seed, weight)) for seed in seeds]
        successes, episodes = (sum(one[i] for one in own if one) for i in (0, 1))
        low, high = wilson_interval(successes, episodes)
        cells = [ABSENT if one is None else f"{100 * one[0] / one[1]:.0f}" for one in own]
        pooled = f"{100 * successes / episodes:.0f} [{100 * low:.0f}, {100 * high:.0f}]"
        body.append([f"{weight:g}", *cells, pooled])
    return [
        "## Weight of the directional alignment",
        "",
        "Success in % of `omp` by `lambda_directional`, by training seed and in all, with Wilson's 95 % interval; 0 "
        "leaves the term out. The recipe is `models/study/directional-weight.yaml`, the log `directional-weight.csv` "
        f"beside it. Hardware: {listed(sorted({row['hardware'] for row in rows}))}; commits: "
        f"{listed(sorted({row['commit'] for row in rows}))}.",
        "",
        *table(["lambda", *(f"seed {seed}" for seed in seeds), "all"], body),
        _choice([weight for weight in weights if all((seed, weight) in counts for seed in seeds)], seeds, counts),
        "",
    ]


def _choice(weights: list[float], seeds: list[str], counts: dict[tuple[str, float], tuple[int, int]]) -> str:
    """What the weights that every seed has finished say of the default."""
    default = TrainConfig().lambda_directional
    if len(weights) < 2:
        return f"No two weights are finished with every seed. The default is {default:g}."
    rates = np.array([[counts[seed, weight][0] / counts[seed, weight][1] for weight in weights] for seed in seeds])
    means, p = rates.mean(axis=0), spread_p(rates)
    best = weights[int(means.argmax())]
    spread = 100 * (means.max() - means.min())
    found = (
        f"The means of the {len(weights)} weights that every seed has finished lie within {spread:.0f} points. Chance "
        f"puts them so far apart with p = {p:.2f} (permutation within each of {len(seeds)} training seeds)"
    )
    if p < 0.05:
        return f"{found}. The best is {best:g}; the default is {default:g}."
    helps = ", nor whether the term helps" if 0 in weights else ""
    return (
        f"{found}: this sweep cannot tell which weight is best{helps}. {best:g} has the highest mean; the default "
        f"stays {default:g}, which makes the term about as large as the regression."
    )


def pairs(folder: Path) -> list[str]:
    """INT8 against PyTorch where success is uncertain."""
    _, lines = _grid(folder, "pairs")
    if not lines:
        return []
    rows = [[line["task"], line["method"], str(line["seed"]), *_both(line)] for line in lines]
    return [
        "## INT8 where success is uncertain",
        "",
        f"`models/study/pairs.yaml`: {paired_sentence(lines)}",
        "",
        *table(["task", "method", "seed", "PyTorch", "runtime INT8", "McNemar's p"], rows),
        *origin(lines),
    ]


def point_clouds(folder: Path) -> list[str]:
    """Policies that see what a depth camera sees."""
    grid, lines = _grid(folder, "point-cloud")
    if grid is None or not lines:
        return []
    rows = [
        [line["task"], line["method"], str(line["seed"]), *_both(line), f"{line['runtime']['inference_p50_ms']:.2f}"]
        for line in lines
    ]
    return [
        "## Point clouds in closed loop",
        "",
        "Nothing privileged: the arm's own state and a cloud from a depth camera at every step, rendered while the "
        f"policy drives. The grid is `models/study/point-cloud.yaml`: {grid.demonstrations} demonstrations, "
        f"{grid.episodes} episodes, success in % with Wilson's 95 % interval.",
        "",
        *table(["task", "method", "seed", "PyTorch", "runtime INT8", "McNemar's p", "runtime ms"], rows),
        *origin(lines),
    ]


def training_memory(log: Path) -> list[str]:
    """Peak memory of training by how du/dt is derived."""
    if not log.is_file():
        return []
    ways = json.loads(log.read_text())
    sizes = next(iter(ways.values()))
    most = max(one["above_start_mb"] for one in ways.values())
    rows = [
        [f"`{way}`", number(one["above_start_mb"]), f"{100 * one['above_start_mb'] / most:.0f} %"]
        for way, one in ways.items()
    ]
    return [
        "## Memory of training",
        "",
        f"Peak above the start of training steps with levels {sizes['down_dims']}, horizon {sizes['horizon']}, batch "
        f"{sizes['batch']} on {sizes['device']}, by how du/dt is derived: with a graph through it, as MP1's code or "
        "in forward mode; and without one, forward mode (`jvp`) and central difference (`dde`), which are the two "
        "offered here. The log is `memory.json`, made by `python -m omp_models.memory --json`. The paper reports 19 to "
        "28 % less for its DDE than for its JVP.",
        "",
        *table(["way", "MB", "of the most"], rows),
    ]


def _both(line: Line) -> list[str]:
    return [success([line], "torch"), success([line], "runtime"), f"{line['paired']['mcnemar_p']:.2g}"]


def _grid(folder: Path, name: str) -> tuple[Grid | None, list[Line]]:
    """The grid of that name and its finished cells, where there is one."""
    config, results = folder / f"{name}.yaml", folder / f"{name}.jsonl"
    if not (config.is_file() and results.is_file()):
        return None, []
    grid = Grid.from_file(config)
    return grid, finished(grid, Results(results))
