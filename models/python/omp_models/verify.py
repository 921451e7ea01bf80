"""How far the graphs of a bundle are from PyTorch, on observations that were really made."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .dataset import Demonstrations, make_windows
from .errors import OmpModelsError
from .export_onnx import MAX_NORMALIZED_ERROR
from .policy import Policy
from .quantize import calibration_inputs
from .runner import Inputs, Runner, TorchRunner

INPUTS_SEED = 20_261_123
"""Not the seed of any calibration, so that the noise of the check is new to the quantized graph."""


@dataclass(frozen=True)
class ActionError:
    """Difference of one graph from PyTorch over all checked chunks."""

    max_normalized: float
    """Network units, in which the training range of every joint spans 2."""
    mean_normalized: float
    max_by_joint: list[float]
    """Physical units."""
    mean_by_joint: list[float]

    def to_dict(self) -> dict[str, Any]:
        """For the manifest and the event stream, rounded to 4 significant digits."""
        return {
            key: [_round(one) for one in value] if isinstance(value, list) else _round(value)
            for key, value in asdict(self).items()
        }


def observed_inputs(
    demonstrations: Demonstrations, policy: Policy, count: int, seed: int = INPUTS_SEED
) -> list[Inputs]:
    """`count` windows of the demonstrations, drawn by `seed`, each with its own noise."""
    windows = make_windows(demonstrations, policy.config).observations
    return calibration_inputs(policy, {key: value.numpy() for key, value in windows.items()}, count, seed)


def compare(
    policy: Policy, graph: Runner, inputs: list[Inputs], on_case: Callable[[int], None] | None = None
) -> ActionError:
    """Runs PyTorch and `graph` on every input."""
    reference = TorchRunner(policy)
    differences = []
    for index, case in enumerate(inputs):
        differences.append(np.abs(graph.infer(case) - reference.infer(case))[0])
        if on_case is not None:
            on_case(index + 1)
    physical = np.concatenate(differences)
    normalized = physical * policy.action_normalizer.scale.numpy()
    return ActionError(
        float(normalized.max()),
        float(normalized.mean()),
        physical.max(axis=0).tolist(),
        physical.mean(axis=0).tolist(),
    )


def require_parity(error: ActionError, what: str) -> None:
    """Raises PARITY_FAILED when an fp32 graph is not PyTorch's equal."""
    if not error.max_normalized <= MAX_NORMALIZED_ERROR:
        raise OmpModelsError(
            "PARITY_FAILED",
            f"{what} differs from PyTorch by {error.max_normalized:.2e} network units, "
            f"at most {MAX_NORMALIZED_ERROR} allowed; export it again with the pinned packages",
        )


def _round(value: float) -> float:
    return float(f"{value:.4g}")
