"""MessagePack with numpy arrays, as `openpi_client.msgpack_numpy` writes it; see `models/SERVING.md`."""

from typing import Any

import msgpack
import numpy as np

UNSUPPORTED_KINDS = "VOcMm"
"""numpy kinds without a portable byte form: raw records, objects, complex numbers, dates."""


def packb(value: Any) -> bytes:
    """One message. Arrays become maps with binary keys; raises ValueError for an array that is not of numbers."""
    return msgpack.packb(value, default=_pack_array)


def unpackb(data: bytes) -> Any:
    """Reads `packb` output; arrays are read-only views of `data`."""
    return msgpack.unpackb(data, object_hook=_unpack_array)


def _pack_array(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in UNSUPPORTED_KINDS:
        raise ValueError(f"an array of {value.dtype} does not travel")
    if isinstance(value, np.ndarray):
        return {b"__ndarray__": True, b"data": value.tobytes(), b"dtype": value.dtype.str, b"shape": value.shape}
    if isinstance(value, np.generic):
        return {b"__npgeneric__": True, b"data": value.item(), b"dtype": value.dtype.str}
    return value


def _unpack_array(value: dict[Any, Any]) -> Any:
    if b"__ndarray__" in value:
        return np.ndarray(value[b"shape"], np.dtype(value[b"dtype"]), value[b"data"])
    if b"__npgeneric__" in value:
        return np.dtype(value[b"dtype"]).type(value[b"data"])
    return value
