"""Arrays of a zarr v2 directory store (zarr-specs, version 2): chunk files beside a `.zarray`."""

import itertools
import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.importers.recording import missing_package

GROUP_FILE = ".zgroup"
ARRAY_FILE = ".zarray"


def read_array(folder: Path) -> np.ndarray:
    """The whole array in `folder`.

    Raises DATASET_INVALID naming the file that is missing or broken, PACKAGE_MISSING without numcodecs.
    """
    metadata = _metadata(folder)
    shape, chunks = tuple(metadata["shape"]), tuple(metadata["chunks"])
    dtype, order = np.dtype(metadata["dtype"]), metadata["order"]
    codecs = _codecs(folder, metadata)
    separator = metadata.get("dimension_separator", ".")
    array = np.empty(shape, dtype)
    for index in itertools.product(
        *(range(math.ceil(size / chunk)) for size, chunk in zip(shape, chunks, strict=True))
    ):
        corner = tuple(
            slice(i * chunk, min((i + 1) * chunk, size)) for i, chunk, size in zip(index, chunks, shape, strict=True)
        )
        path = folder / separator.join(map(str, index or (0,)))
        if not path.is_file():
            if metadata["fill_value"] is None:
                raise _invalid(path, f"no such chunk, rows {corner[0].start} to {corner[0].stop - 1}")
            array[corner] = np.array(metadata["fill_value"]).astype(dtype)
            continue
        chunk = _decode(path, codecs, dtype, math.prod(chunks)).reshape(chunks, order=order)
        # The last chunk of an axis is stored whole and reaches beyond the array.
        array[corner] = chunk[tuple(slice(0, part.stop - part.start) for part in corner)]
    return array


def _metadata(folder: Path) -> dict[str, Any]:
    path = folder / ARRAY_FILE
    if not path.is_file():
        raise _invalid(path, "no such file; a zarr v2 array is expected")
    try:
        metadata = json.loads(path.read_text())
        if metadata["zarr_format"] != 2:
            raise _invalid(path, f"zarr_format is {metadata['zarr_format']}, 2 expected")
        missing = [
            key
            for key in ("shape", "chunks", "dtype", "order", "compressor", "fill_value", "filters")
            if key not in metadata
        ]
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise _invalid(path, f"no array metadata ({error!r})") from error
    if missing:
        raise _invalid(path, f"{missing[0]} is missing")
    return metadata


def _codecs(folder: Path, metadata: dict[str, Any]) -> list[Any]:
    """What undoes a chunk's encoding, in the order in which it is applied."""
    used = [metadata["compressor"], *reversed(metadata["filters"] or [])]
    used = [config for config in used if config is not None]
    if not used:
        return []
    try:
        import numcodecs
    except ImportError as error:
        raise missing_package("numcodecs", error) from error
    try:
        return [numcodecs.get_codec(config) for config in used]
    except ValueError as error:
        raise _invalid(folder / ARRAY_FILE, str(error)) from error


def _decode(path: Path, codecs: list[Any], dtype: np.dtype, count: int) -> np.ndarray:
    content: Any = path.read_bytes()
    try:
        for codec in codecs:
            content = codec.decode(content)
        values = np.frombuffer(content, dtype)
    except (RuntimeError, ValueError) as error:
        raise _invalid(path, f"does not decode ({error})") from error
    if len(values) != count:
        raise _invalid(path, f"holds {len(values)} values, {count} expected")
    return values


def _invalid(path: Path, message: str) -> OmpModelsError:
    return OmpModelsError("DATASET_INVALID", f"{path}: {message}")
