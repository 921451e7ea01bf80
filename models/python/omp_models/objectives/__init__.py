"""Training objectives by name, and the sampler that belongs to each."""

from ..config import TrainConfig
from ..errors import OmpModelsError
from .objective import Losses, Objective, Observation
from .omp import OmpObjective

__all__ = ["Losses", "Objective", "Observation", "create_objective", "objective_type"]

_TYPES: dict[str, type[Objective]] = {"omp": OmpObjective}


def objective_type(name: str) -> type[Objective]:
    """The class of one of `config.OBJECTIVES`; its `sample` and `nfe` need no training configuration."""
    if name not in _TYPES:
        known = ", ".join(_TYPES)
        raise OmpModelsError("CONFIG_INVALID", f"objective {name!r} is unknown; known: {known}")
    return _TYPES[name]


def create_objective(config: TrainConfig) -> Objective:
    """The objective that `config.policy.objective` names, ready to train."""
    return objective_type(config.policy.objective)(config)
