"""Training objectives by name."""

from ..config import TrainConfig
from ..errors import OmpModelsError
from .objective import Losses, Objective
from .omp import OmpObjective

__all__ = ["Losses", "Objective", "OmpObjective", "create_objective"]

_OBJECTIVES = {"omp": OmpObjective}


def create_objective(config: TrainConfig) -> Objective:
    """The objective that `config.objective` names. Raises CONFIG_INVALID for an unknown name."""
    try:
        factory = _OBJECTIVES[config.objective]
    except KeyError:
        known = ", ".join(_OBJECTIVES)
        raise OmpModelsError("CONFIG_INVALID", f"objective {config.objective!r} is unknown; known: {known}") from None
    return factory(config)
