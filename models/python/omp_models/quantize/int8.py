"""Static INT8: QDQ, unsigned activations, signed weights a channel, on Gemm, MatMul and the encoder's Conv.

Of Gemm and MatMul the output stays in float: what follows is a normalisation or a sum in float, so that rounding it
costs time and accuracy (measured on the push task: half the error). Static, because ONNX Runtime's dynamic kernels
gave wrong answers on one ARM extension and integer ones were equal, bit for bit, on x86-64 and arm64.
"""

import logging
import tempfile
from collections.abc import Collection
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from ..runner import Inputs

QUANTIZED_OPS = ("Conv", "Gemm", "MatMul")
FLOAT_OUTPUT_OPS = ("Gemm", "MatMul")
METHOD = "static_qdq_u8s8_per_channel_min_max_float_output"


class Quantizer:
    """Quantizes one fp32 graph in any number of ways; the activation ranges are measured once."""

    layers: dict[str, list[str]]
    """Nodes of every layer that can be quantized, in graph order. A layer is a module of the exported policy."""
    weights: dict[str, int]
    """Weights of every layer."""

    def __init__(self, fp32: Path, calibration: list[Inputs]):
        self._fp32 = fp32
        model = onnx.load(fp32)
        sizes = {value.name: _size(value) for value in model.graph.initializer}
        self.layers, self.weights = {}, {}
        for node in model.graph.node:
            if node.op_type in QUANTIZED_OPS and node.input[1] in sizes:
                layer = layer_of(node.name)
                self.layers.setdefault(layer, []).append(node.name)
                self.weights[layer] = self.weights.get(layer, 0) + sizes[node.input[1]]
        with tempfile.TemporaryDirectory() as folder:
            calibrator = create_calibrator(
                str(fp32),
                list(QUANTIZED_OPS),
                augmented_model_path=str(Path(folder) / "augmented.onnx"),
                calibrate_method=CalibrationMethod.MinMax,
            )
            calibrator.collect_data(_Calibration(calibration))
            self._ranges = calibrator.compute_data()

    def write(self, path: Path, in_float: Collection[str] = ()) -> None:
        """Writes the graph with every layer in INT8 but those named."""
        int8_nodes = [name for layer, names in self.layers.items() if layer not in in_float for name in names]
        model = onnx.load(self._fp32)
        if int8_nodes:
            quantizer = QDQQuantizer(
                model,
                per_channel=True,
                reduce_range=False,
                weight_qType=QuantType.QInt8,
                activation_qType=QuantType.QUInt8,
                tensors_range=self._ranges,
                nodes_to_quantize=int8_nodes,
                nodes_to_exclude=[],
                op_types_to_quantize=list(QUANTIZED_OPS),
                extra_options={"OpTypesToExcludeOutputQuantization": list(FLOAT_OUTPUT_OPS)},
            )
            # It warns of every node that it was told to leave alone.
            logging.disable(logging.WARNING)
            try:
                quantizer.quantize_model()
            finally:
                logging.disable(logging.NOTSET)
            quantizer.model.topological_sort()
            model = quantizer.model.model
        del model.graph.value_info[:]
        del model.metadata_props[:]
        onnx.checker.check_model(model)
        onnx.save_model(model, path)


def layer_of(node_name: str) -> str:
    """The layer of a node that `export_onnx` named `module/operation`; both phases of an upsampling are one."""
    module = node_name.split("/")[0].removesuffix(".linear")
    return module.split(".phases.")[0]


class _Calibration(CalibrationDataReader):
    def __init__(self, inputs: list[Inputs]):
        self._inputs = iter(inputs)

    def get_next(self) -> Inputs | None:
        return next(self._inputs, None)


def _size(tensor: onnx.TensorProto) -> int:
    size = 1
    for dim in tensor.dims:
        size *= dim
    return size
