"""What the importers share: what is asked of them, and their errors."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from omp_models.dataset import ACTION_KEY
from omp_models.errors import OmpModelsError

DATA_INSTALL = "Install the importers: pip install -e 'models/python[data]'"


@dataclass(frozen=True)
class ImportOptions:
    """What is taken from a recording."""

    observations: Sequence[str] | None = None
    """Keys, in the order of the result; None: all that are no pictures."""
    dt_ms: float | None = None
    """Period of a step, for formats that do not record it."""
    needs_period: bool = True
    """Whether a period that is neither recorded nor given is an error; else `dt_ms` of the result is NaN."""
    image_size: int = 84
    """Pictures become square with this side, pixels."""


OnEpisode = Callable[[int, int], None]
"""Told after every episode how many are done, and of how many."""


def choose_keys(source: Path, available: Sequence[str], usual: Sequence[str], options: ImportOptions) -> list[str]:
    """The observation keys to read. Raises CONFIG_INVALID naming one that `source` has not."""
    wanted = list(usual if options.observations is None else options.observations)
    unknown = [key for key in wanted if key not in available or key == ACTION_KEY]
    if unknown or not wanted:
        raise OmpModelsError(
            "CONFIG_INVALID", f"{source} has no observation {(unknown or ['at all'])[0]}; it has {', '.join(available)}"
        )
    return wanted


def missing_package(name: str, error: ImportError) -> OmpModelsError:
    """The error of a format whose library is not installed."""
    return OmpModelsError("PACKAGE_MISSING", f"reading this format needs {name}: {error}. {DATA_INSTALL}")
