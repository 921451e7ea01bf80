"""Ways to run one inference: PyTorch, or ONNX Runtime as on the robot."""

from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
import torch

from .policy import Policy

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
        noise = tensors.pop("noise")
        return self._policy(tensors, noise).numpy()


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
