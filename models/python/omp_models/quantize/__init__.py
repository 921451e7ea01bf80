"""INT8 and FP16 of an exported graph, and which layers stay in float."""

from .half import write_fp16
from .int8 import METHOD, QUANTIZED_OPS, Quantizer
from .sensitivity import LayerSensitivity, Sensitivity, choose_float_layers

__all__ = [
    "METHOD",
    "QUANTIZED_OPS",
    "LayerSensitivity",
    "Quantizer",
    "Sensitivity",
    "choose_float_layers",
    "write_fp16",
]
