"""Whether the graphs of a bundle agree with PyTorch, on observations that were really made."""

from .action_error import ActionError
from .errors import OmpModelsError
from .recipe import ToleranceSpec


def require_tolerance(variant: str, error: ActionError, tolerance: ToleranceSpec) -> None:
    """Raises PARITY_FAILED when a graph is further from PyTorch than its precision may be."""
    limits = {
        "fp32": ("largest difference", error.max_normalized, tolerance.fp32_max),
        "fp16": ("99th percentile of the difference", error.p99_normalized, tolerance.fp16_p99),
        "int8": ("99th percentile of the difference", error.p99_normalized, tolerance.int8_p99),
    }
    # Two graphs in float32 instead of one.
    precision = "fp32" if variant == "split" else variant
    what, observed, allowed = limits[precision]
    if not observed <= allowed:
        hint = {
            "fp32": "export it again with the pinned packages",
            "fp16": "leave the variant out of `export.variants`",
            "int8": "lower `quantization.target_p99`, so that more layers stay in float",
        }[precision]
        raise OmpModelsError(
            "PARITY_FAILED",
            f"{variant}: the {what} from PyTorch is {observed:.2e} network units, at most {allowed:.2e} is allowed "
            f"by the recipe; {hint}",
        )
