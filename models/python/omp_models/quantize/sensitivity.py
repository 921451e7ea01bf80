"""Which layers to keep in float: measured one by one, then the fewest that bring the error under a target."""

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import events
from ..action_error import Reference
from ..interrupt import Interrupt
from ..runner import OnnxRunner
from .int8 import Quantizer


@dataclass(frozen=True)
class LayerSensitivity:
    """What INT8 does to one layer. Errors: 99th percentile of the action error, network units."""

    layer: str
    weights: int
    error_alone: float
    """With this layer in INT8 and all others in float."""
    in_float: bool


@dataclass(frozen=True)
class Sensitivity:
    """The table of a sweep and its outcome."""

    windows: int
    target: float
    error_all_int8: float
    error: float
    """With the layers that are kept in float."""
    layers: list[LayerSensitivity]
    """Most sensitive first."""

    @property
    def in_float(self) -> list[str]:
        """Layers that are kept in float."""
        return [layer.layer for layer in self.layers if layer.in_float]

    def to_dict(self) -> dict[str, Any]:
        """For the manifest; errors rounded to 3 significant digits."""
        return _rounded(asdict(self))

    def table(self) -> str:
        """For people."""
        width = max(len(layer.layer) for layer in self.layers)
        rows = [
            f"{layer.layer:{width}} {layer.weights:>10,} {layer.error_alone:>10.5f}  "
            + ("float" if layer.in_float else "int8")
            for layer in self.layers
        ]
        return "\n".join([f"{'layer':{width}} {'weights':>10} {'p99 alone':>10}", *rows])


def choose_float_layers(quantizer: Quantizer, reference: Reference, target: float, interrupt: Interrupt) -> Sensitivity:
    """Sweeps the layers of `quantizer` on the inputs of `reference`, which must not be those it is calibrated on.

    Layers go to float in order of their own error until the 99th percentile is at most `target`; then each of them,
    the one with the most weights first, goes back to INT8 if the error stays there. No layer of the result can be left
    out; a smaller set of other layers is not searched for.
    """
    progress = events.Progress("quantization sweep", len(quantizer.layers))

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sweep.onnx"

        def measure(in_float: set[str]) -> float:
            interrupt.check()
            quantizer.write(path, in_float)
            return reference.error(OnnxRunner(path)).p99_normalized

        every = set(quantizer.layers)
        alone = {}
        for layer in quantizer.layers:
            alone[layer] = measure(every - {layer})
            progress.update(len(alone))
        order = sorted(every, key=lambda layer: (-alone[layer], layer))
        error_all = error = measure(set())
        kept: set[str] = set()
        for layer in order:
            if error <= target:
                break
            kept.add(layer)
            error = measure(kept)
        for layer in sorted(kept, key=lambda layer: (-quantizer.weights[layer], layer)):
            if len(kept) > 1 and (without := measure(kept - {layer})) <= target:
                kept.remove(layer)
                error = without
    rows = [LayerSensitivity(layer, quantizer.weights[layer], alone[layer], layer in kept) for layer in order]
    return Sensitivity(len(reference.inputs), target, error_all, error, rows)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value
