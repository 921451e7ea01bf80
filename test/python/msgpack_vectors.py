"""Writes test/vectors/msgpack-numpy.json to stdout: messages as Python's msgpack package writes them.

A value stands as JSON, with `{"ndarray": dtype, "shape": ..., "values": ...}`, `{"scalar": value}` of numpy and
`{"binary": hexadecimal}` where JSON has no word for it.
"""

import json
import sys
from typing import Any

import numpy as np

from omp_models.msgpack_numpy import packb

INTEGERS = [0, 1, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53 - 1]
NEGATIVES = [-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**53) + 1]
ARRAYS = [
    *[np.array([[0, 1, 2], [3, 4, 100]], dtype) for dtype in ("<f4", "<f8", ">f4", ">i2", "<i8", "<u8", "|i1", "|u1")],
    np.array([True, False]),
    np.array([-1, 2**31 - 1], "<i4"),
    np.array([0, 65535], "<u2"),
    np.array([2**32 - 1], "<u4"),
    np.float32(1.5) * np.ones(()),
    np.zeros((0, 3), np.float32),
    np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3)),
]
MESSAGES: dict[str, Any] = {
    "nothing": None,
    "truth": [True, False],
    "integers": INTEGERS,
    "negatives": NEGATIVES,
    "floats": [0.5, -1.25, 1e300, 5e-324],
    "texts": ["", "pick up the fork", "ü" * 16, "x" * 255, "x" * 256],
    "binaries": [b"", bytes(range(255)), bytes(256)],
    "short arrays": [[1] * 15, [1] * 16],
    "wide map": {f"key {i}": i for i in range(16)},
    "nested": {"server_timing": {"infer_ms": 0.75}, "a": [{"b": []}, {}]},
    "numpy scalars": [np.float32(0.5), np.int64(-7), np.bool_(True)],
    "arrays": ARRAYS,
    "observation": {
        "observation/state": np.linspace(-1, 1, 8, dtype=np.float64),
        "observation/image": np.arange(4 * 4 * 3, dtype=np.uint8).reshape(4, 4, 3),
        "prompt": "pick up the fork",
    },
}


def described(value: Any) -> Any:
    """The value in JSON."""
    match value:
        case np.ndarray():
            values = value.ravel().tolist()
            return {"ndarray": value.dtype.str, "shape": list(value.shape), "values": [float(v) for v in values]}
        case np.generic():
            return {"scalar": value.item()}
        case bytes():
            return {"binary": value.hex()}
        case list():
            return [described(one) for one in value]
        case dict():
            return {key: described(one) for key, one in value.items()}
        case _:
            return value


if __name__ == "__main__":
    messages = [{"name": n, "bytes": packb(v).hex(), "value": described(v)} for n, v in MESSAGES.items()]
    json.dump({"messages": messages}, sys.stdout)
