"""Training objectives by name, and the sampler that belongs to each."""

from ..config import TrainConfig
from .dp3 import Dp3Objective
from .flowpolicy import FlowPolicyObjective
from .imf import ImfObjective
from .mp1 import Mp1Objective
from .objective import Losses, Objective, Observation
from .omp import OmpObjective
from .regression import RegressionObjective

__all__ = ["Losses", "Objective", "Observation", "create_objective", "objective_type"]

_TYPES: dict[str, type[Objective]] = {
    "omp": OmpObjective,
    "mp1": Mp1Objective,
    "imf": ImfObjective,
    "flowpolicy": FlowPolicyObjective,
    "dp3": Dp3Objective,
    "regression": RegressionObjective,
}


def objective_type(name: str) -> type[Objective]:
    """The class of one of `config.OBJECTIVES`; its `sample` and `nfe` need no training configuration."""
    return _TYPES[name]


def create_objective(config: TrainConfig) -> Objective:
    """The objective that `config.policy.objective` names, ready to train."""
    return objective_type(config.policy.objective)(config)
