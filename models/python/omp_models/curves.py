"""Numbers over optimiser steps as CSV files: `step`, then one column a number."""

import csv
from pathlib import Path

from .errors import OmpModelsError

STEP_COLUMN = "step"


class Curve:
    """One CSV file that grows with a run. Rows are flushed at once, so a plot can follow the run.

    Opened at step s of a resumed run, it keeps the rows up to s and drops what an interrupted run wrote after its
    checkpoint; those steps come again.

    Raises CHECKPOINT_INVALID when the file holds something else.
    """

    def __init__(self, path: Path, step: int):
        self._path = path
        self.rows = [row for row in _read(path) if int(row[STEP_COLUMN]) <= step] if step > 0 else []
        """Rows by column, as text; the steps ascend."""
        if self.rows:
            self._rewrite()
        else:
            path.unlink(missing_ok=True)

    def add(self, step: int, values: dict[str, float]) -> None:
        """Appends the row of one step. Floats are written so that they read back equal."""
        row = {STEP_COLUMN: str(step), **{name: repr(value) for name, value in values.items()}}
        is_first = not self.rows
        if not is_first and list(row) != list(self.rows[0]):
            raise OmpModelsError("CHECKPOINT_INVALID", f"{self._path} has the columns {', '.join(self.rows[0])}")
        self.rows.append(row)
        with self._path.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row), lineterminator="\n")
            if is_first:
                writer.writeheader()
            writer.writerow(row)

    def _rewrite(self) -> None:
        temporary = self._path.with_suffix(".tmp")
        with temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        temporary.replace(self._path)


def _read(path: Path) -> list[dict[str, str]]:
    if not path.exists():
        return []
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = [row for row in reader if None not in row.values()]
        if STEP_COLUMN not in (reader.fieldnames or [STEP_COLUMN]):
            raise OmpModelsError("CHECKPOINT_INVALID", f"{path} has no column {STEP_COLUMN}; remove the file")
    return rows
