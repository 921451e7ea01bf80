"""Sweeps: the same task trained and judged under every combination of some changes of its recipe."""

import csv
import itertools
from pathlib import Path

from .errors import OmpModelsError
from .provenance import commit

SWEEP_FILE = "sweep.csv"


def combinations(variations: list[str]) -> list[dict[str, str]]:
    """Every combination of variations `KEY.KEY=VALUE,VALUE ..`, as value by key; the last key varies fastest.

    Raises CONFIG_INVALID when a variation has another form or a key stands twice.
    """
    values: dict[str, list[str]] = {}
    for variation in variations:
        key, separator, text = variation.partition("=")
        if not separator or not key or not text or key in values:
            raise OmpModelsError("CONFIG_INVALID", f"{variation!r}: KEY.KEY=VALUE,VALUE is expected, each key once")
        values[key] = text.split(",")
    return [dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())]


def run_name(combination: dict[str, str]) -> str:
    """Directory of a combination's run, such as `lambda_directional=0.1,seed=0`."""
    return ",".join(f"{key.rpartition('.')[2]}={value}" for key, value in combination.items())


class SweepTable:
    """`sweep.csv`: a row a finished run, with the keys that were varied and OUTCOME."""

    OUTCOME = ("successes", "episodes", "hardware", "commit")

    def __init__(self, out: Path, keys: list[str]):
        self._path = out / SWEEP_FILE
        self._columns = [*keys, *self.OUTCOME]
        out.mkdir(parents=True, exist_ok=True)
        self._rows: list[dict[str, str]] = []
        if self._path.exists():
            with self._path.open(newline="") as file:
                reader = csv.DictReader(file)
                self._rows = list(reader)
            if reader.fieldnames != self._columns:
                raise OmpModelsError(
                    "CONFIG_INVALID", f"{self._path} is of a sweep over other keys; name another --out"
                )

    def has(self, combination: dict[str, str]) -> bool:
        """Whether its run was finished by a former call."""
        return any(combination.items() <= row.items() for row in self._rows)

    def add(self, combination: dict[str, str], successes: int, episodes: int, machine: str) -> None:
        """Adds the row of a run on `machine` and writes the file, complete or not at all."""
        outcome = (str(successes), str(episodes), machine, commit() or "")
        self._rows.append({**combination, **dict(zip(self.OUTCOME, outcome, strict=True))})
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, self._columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
        temporary.replace(self._path)
