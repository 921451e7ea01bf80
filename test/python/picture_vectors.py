"""Writes to stdout, as JSON, pictures and what the import for training makes of them.

`plain` keeps its size, as pictures of a DP3 recording do; `scaled` goes through the scaler of the videos of a LeRobot
recording.
"""

import json
import sys
from pathlib import Path

import av
import numpy as np

from omp_models.importers.dp3_zarr import CONVERSIONS
from omp_models.importers.recording import ImportOptions


def picture(height: int, width: int) -> np.ndarray:
    """Waves, a chequer board with hard edges, and noise, uint8 [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width]
    colours = [
        127 + 100 * np.sin(x / 17) * np.cos(y / 23),
        127 + 100 * np.sin((x + y) / 31),
        120 + 80 * ((x // 8 + y // 8) % 2),
    ]
    noise = np.random.default_rng(0).normal(0, 4, (height, width, 3))
    return np.clip(np.stack(colours, axis=-1) + noise, 0, 255).astype(np.uint8)


def plain(size: int) -> dict[str, object]:
    """A picture that is imported as it is. Its first pixels hold every value."""
    pixels = picture(size, size)
    pixels.reshape(-1)[:256] = np.arange(256)
    options = ImportOptions(image_size=size)
    return case(pixels, CONVERSIONS["observation.image"](Path("img"), pixels[None], options)[0])


def scaled(height: int, width: int, size: int) -> dict[str, object]:
    """A picture that becomes a square of another size."""
    pixels = picture(height, width)
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(width=size, height=size, format="rgb24")
    return case(pixels, np.moveaxis(frame.to_ndarray(), 2, 0) / np.float32(255))


def case(pixels: np.ndarray, tensor: np.ndarray) -> dict[str, object]:
    """Bytes row by row, and the tensor [3, height, width]."""
    return {
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "pixels": pixels.ravel().tolist(),
        "out_width": tensor.shape[2],
        "out_height": tensor.shape[1],
        "tensor": tensor.astype(np.float64).ravel().tolist(),
    }


if __name__ == "__main__":
    sizes = [(96, 96, 84), (120, 160, 84), (60, 80, 84), (240, 320, 96)]
    json.dump({"plain": plain(24), "scaled": [scaled(*size) for size in sizes]}, sys.stdout)
