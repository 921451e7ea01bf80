"""FP16 of an exported graph: half the size, float32 inputs and outputs.

For GPUs. On CPUs ONNX Runtime casts around most kernels, so it runs, and slower than fp32.
"""

from pathlib import Path

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

KEPT_IN_FLOAT = ("LayerNormalization", "InstanceNormalization")
"""Sums of squares leave the range of float16."""


def write_fp16(fp32: Path, fp16: Path) -> None:
    """Writes the graph of `fp32` with float16 weights and arithmetic."""
    model = convert_float_to_float16(
        onnx.load(fp32), keep_io_types=True, op_block_list=list(KEPT_IN_FLOAT), disable_shape_infer=False
    )
    # The converter puts the casts of the inputs last.
    OnnxModel(model).topological_sort()
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save_model(model, fp16)
