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
    model = onnx.load(fp32)
    _own_initializers(model.graph)
    model = convert_float_to_float16(
        model, keep_io_types=True, op_block_list=list(KEPT_IN_FLOAT), disable_shape_infer=False
    )
    # The converter puts the casts of the inputs last.
    OnnxModel(model).topological_sort()
    del model.graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save_model(model, fp16)


def _own_initializers(graph: onnx.GraphProto) -> None:
    """Gives every node that stays in float copies of its constants; the converter casts a shared one once a node."""
    constants = {value.name: value for value in graph.initializer}
    for node in graph.node:
        if node.op_type not in KEPT_IN_FLOAT:
            continue
        for position, name in enumerate(node.input):
            if name in constants:
                copied = onnx.TensorProto()
                copied.CopyFrom(constants[name])
                copied.name = node.input[position] = f"{node.name}/{name}"
                graph.initializer.append(copied)
    used = {name for node in graph.node for name in node.input}
    kept = [value for value in graph.initializer if value.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
