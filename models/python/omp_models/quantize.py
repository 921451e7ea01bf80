"""Static INT8 of an exported graph: QDQ, unsigned activations, signed weights a channel, on Conv, Gemm and MatMul.

Every layer that reads a graph input and the one that writes the actions stay in fp32: they hold few weights, and
rounding there is rounding of the observation, the noise or the action itself. One integer reader would be enough to
round an input for all of its readers.
"""

import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static

from .export_onnx import NOISE_INPUT, input_shapes
from .policy import Policy
from .runner import Inputs

QUANTIZED_OPS = ("Conv", "Gemm", "MatMul")
METHOD = "static_qdq_u8s8_per_channel_min_max"


class _Calibration(CalibrationDataReader):
    def __init__(self, inputs: list[Inputs]):
        self._inputs = iter(inputs)

    def get_next(self) -> Inputs | None:
        return next(self._inputs, None)


def calibration_inputs(policy: Policy, observations: dict[str, np.ndarray], count: int, seed: int) -> list[Inputs]:
    """`count` real observation windows drawn from `observations[key]` [W, To, D], each with its own N(0, 1) noise."""
    random = np.random.default_rng(seed)
    windows = len(next(iter(observations.values())))
    rows = random.choice(windows, size=count, replace=count > windows)
    noise_shape = input_shapes(policy.config)[NOISE_INPUT]
    return [
        {
            **{key: values[row][None] for key, values in observations.items()},
            NOISE_INPUT: random.standard_normal(noise_shape, dtype=np.float32),
        }
        for row in rows
    ]


def kept_in_float(graph: onnx.GraphProto) -> list[str]:
    """Names of the layers with no other layer between them and the graph's inputs, or its output; in graph order."""
    constants = {one.name for one in graph.initializer}
    makers = {output: node for node in graph.node for output in node.output}
    kept = set()
    unrounded = {one.name for one in graph.input} | constants
    for node in graph.node:
        is_layer = node.op_type in QUANTIZED_OPS
        if is_layer and node.input[0] in unrounded:
            kept.add(node.name)
        elif not is_layer and unrounded.issuperset(node.input):
            unrounded.update(node.output)
    wanted = [one.name for one in graph.output]
    while wanted:
        node = makers.get(wanted.pop())
        if node is not None and node.op_type in QUANTIZED_OPS:
            kept.add(node.name)
        elif node is not None:
            wanted.extend(node.input)
    return [node.name for node in graph.node if node.name in kept]


def quantize(fp32: Path, int8: Path, calibration: list[Inputs]) -> None:
    """Writes the quantized graph of `fp32` to `int8`; activation ranges come from running `calibration`."""
    graph = onnx.load(fp32).graph
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "int8.onnx"
        quantize_static(
            str(fp32),
            str(draft),
            _Calibration(calibration),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=list(QUANTIZED_OPS),
            nodes_to_exclude=kept_in_float(graph),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        model = onnx.load(draft)
    del model.graph.value_info[:]
    del model.metadata_props[:]
    onnx.checker.check_model(model)
    onnx.save_model(model, int8)
