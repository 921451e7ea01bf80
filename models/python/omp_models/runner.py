"""Ways to run one inference: PyTorch, or ONNX Runtime as on the robot."""

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
import torch

from .policy import Policy

NOISE_INPUT = "noise"
FEATURES = "features"
"""Output of the encoder [1, F], and input of the head [1, To, F], oldest step first."""
Inputs = dict[str, np.ndarray]
"""Graph inputs by name, float32: every observation key [1, To, *shape] in physical units, and `noise` [1, H, A]."""


class Runner(Protocol):
    """A policy that is ready to run."""

    def infer(self, inputs: Inputs) -> np.ndarray:
        """Actions [1, H, A] float32, physical units."""
        ...


class TorchRunner:
    """The reference."""

    def __init__(self, policy: Policy):
        self._policy = policy

    @torch.inference_mode()
    def infer(self, inputs: Inputs) -> np.ndarray:
        """See `Runner`."""
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        noise = tensors.pop(NOISE_INPUT)
        return self._policy(tensors, noise).numpy()


GraphFiles = str | tuple[str, str]
"""The file of a graph, or those of an encoder of one step and its head (`export_split`)."""


def open_graph(folder: Path, files: GraphFiles, optimize: bool = True) -> Runner:
    """The graph, or the two that make a policy, in ONNX Runtime."""
    if isinstance(files, str):
        return OnnxRunner(folder / files, optimize)
    encoder, head = files
    return SplitRunner(OnnxRunner(folder / encoder, optimize), OnnxRunner(folder / head, optimize))


class OnnxRunner:
    """A graph in ONNX Runtime on the CPU, one thread."""

    def __init__(self, path: Path, optimize: bool = True):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        if not optimize:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def infer(self, inputs: Inputs) -> np.ndarray:
        """See `Runner`."""
        return self._session.run(None, inputs)[0]


class SplitRunner:
    """An encoder of one step and its head; every step is encoded."""

    def __init__(self, encoder: Runner, head: Runner):
        self._encoder, self._head = encoder, head

    def infer(self, inputs: Inputs) -> np.ndarray:
        """See `Runner`."""
        observed = {name: value for name, value in inputs.items() if name != NOISE_INPUT}
        steps = next(iter(observed.values())).shape[1]
        rows = [self._encoder.infer({key: value[:, step] for key, value in observed.items()}) for step in range(steps)]
        return self._head.infer({FEATURES: np.stack(rows, axis=1), NOISE_INPUT: inputs[NOISE_INPUT]})
