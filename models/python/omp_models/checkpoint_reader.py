"""Tensors out of a PyTorch checkpoint of foreign origin, without running anything that the file brings along."""

import collections
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .errors import OmpModelsError

_ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): torch._utils._rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): torch._utils._rebuild_parameter,
    ("torch", "Size"): torch.Size,
}


class _Ignored:
    """Stands for every object that is no tensor: takes whatever the pickle does to it and keeps nothing."""

    def __init__(self, *args: object, **kwargs: object):
        pass

    def __call__(self, *args: object, **kwargs: object) -> "_Ignored":
        return self

    def __setstate__(self, state: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def append(self, value: object) -> None:
        """Part of the protocol of pickled lists."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        return _ALLOWED.get((module, name), _Ignored)


class _TensorPickle:
    """The `pickle_module` of `torch.load`: builds tensors and containers, puts `_Ignored` in place of the rest."""

    Unpickler = _Unpickler

    @staticmethod
    def load(*args: object, **kwargs: object) -> None:
        """Is only called for the format before PyTorch 1.6."""
        raise pickle.UnpicklingError("the file is not in the zip format of PyTorch 1.6 and later")


def read_state_dicts(path: Path) -> dict[str, dict[str, Tensor]]:
    """The `state_dicts` of a checkpoint that Diffusion Policy's, DP3's or MP1's workspace saved, by name.

    Nothing in the file is executed: classes and functions other than PyTorch's tensor builders are never looked up.
    Raises CHECKPOINT_INVALID.
    """
    try:
        payload = torch.load(path, map_location="cpu", pickle_module=_TensorPickle, weights_only=False)
    except (OSError, RuntimeError, pickle.UnpicklingError, EOFError, AttributeError, TypeError, ValueError) as error:
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path}: {error}") from error
    state_dicts = payload.get("state_dicts") if isinstance(payload, dict) else None
    if not isinstance(state_dicts, dict):
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path} has no `state_dicts`; a DP3 or MP1 checkpoint has")
    return {
        name: {key: value for key, value in entries.items() if isinstance(value, Tensor)}
        for name, entries in state_dicts.items()
        if isinstance(entries, dict)
    }
