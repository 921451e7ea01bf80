"""How far a graph's actions are from PyTorch's."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .policy import Policy
from .runner import Inputs, Runner, TorchRunner


@dataclass(frozen=True)
class ActionError:
    """Difference of one graph from PyTorch over all rows and joints of all checked chunks.

    A one-step policy is steep at a few observations, where it turns from one way of doing the task to another; there
    any rounding shows. The largest difference is therefore the property of a few windows, the 99th percentile of the
    graph.
    """

    max_normalized: float
    """Network units, in which the training range of every joint spans 2."""
    p99_normalized: float
    mean_normalized: float
    max_by_joint: list[float]
    """Physical units."""
    p99_by_joint: list[float]
    mean_by_joint: list[float]

    def to_dict(self) -> dict[str, Any]:
        """For the manifest and the event stream, rounded to 4 significant digits."""
        return {
            key: [_round(one) for one in value] if isinstance(value, list) else _round(value)
            for key, value in asdict(self).items()
        }


class Reference:
    """What PyTorch answers to some inputs, for the comparison with any number of graphs."""

    def __init__(self, policy: Policy, inputs: list[Inputs]):
        runner = TorchRunner(policy)
        self.inputs = inputs
        self._scale = policy.action_normalizer.scale.numpy()
        self._actions = [runner.infer(case)[0] for case in inputs]

    def error(self, graph: Runner, on_case: Callable[[int], None] | None = None) -> ActionError:
        """Runs `graph` on every input; `on_case` is told how many are done."""
        differences = []
        for index, (case, actions) in enumerate(zip(self.inputs, self._actions, strict=True)):
            differences.append(np.abs(graph.infer(case)[0] - actions))
            if on_case is not None:
                on_case(index + 1)
        physical = np.concatenate(differences)
        normalized = physical * self._scale
        return ActionError(
            float(normalized.max()),
            float(np.quantile(normalized, 0.99)),
            float(normalized.mean()),
            physical.max(axis=0).tolist(),
            np.quantile(physical, 0.99, axis=0).tolist(),
            physical.mean(axis=0).tolist(),
        )


def error_table(errors: dict[str, ActionError], joints: list[tuple[str, str]]) -> str:
    """Text with a row a joint and a column a graph, `99 % of actions within / largest`; joints as (name, unit)."""
    width = max(len("network units"), *(len(name) for name, _ in joints))
    unit_width = max(len(unit) for _, unit in joints)
    lines = [f"{'':{width}} {'':{unit_width}}" + "".join(f"  {name + ' p99 / max':>21}" for name in errors)]
    for index, (joint, unit) in enumerate(joints):
        cells = [(error.p99_by_joint[index], error.max_by_joint[index]) for error in errors.values()]
        lines.append(f"{joint:{width}} {unit:{unit_width}}" + "".join(_cell(*cell) for cell in cells))
    cells = [(error.p99_normalized, error.max_normalized) for error in errors.values()]
    lines.append(f"{'network units':{width}} {'':{unit_width}}" + "".join(_cell(*cell) for cell in cells))
    return "\n".join(line.rstrip() for line in lines)


def _cell(p99: float, largest: float) -> str:
    return "  " + f"{p99:.1e} / {largest:.1e}".rjust(21)


def _round(value: float) -> float:
    return float(f"{value:.4g}")
