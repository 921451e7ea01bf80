"""Point clouds from depth images: back-projection, crop and farthest point sampling. Plain NumPy, no OpenGL."""

import math
from dataclasses import dataclass

import numpy as np

from omp_models.errors import OmpModelsError


def back_project(depth: np.ndarray, fovy: float, position: np.ndarray, rotation: np.ndarray) -> np.ndarray:
    """World points (H * W, 3) m of a depth image, row by row.

    Args:
        depth: (H, W) m, distance from the camera's plane (not from its centre), row 0 on top.
        fovy: vertical field of view, rad; pixels are square.
        position: (3,) m, the camera's centre in the world.
        rotation: (3, 3), columns are the camera's axes in the world: x right, y up, looking along -z.
    """
    height, width = depth.shape
    focal = focal_length(height, fovy)
    columns = (np.arange(width) + 0.5 - 0.5 * width) / focal
    rows = (np.arange(height) + 0.5 - 0.5 * height) / focal
    z = depth.astype(np.float64)
    right, up, back = columns[None, :] * z, -rows[:, None] * z, -z
    # Not as a matrix product: that rounds as each processor likes, and the robot must find the same points to the bit.
    world = [r[0] * right + r[1] * up + r[2] * back + p for r, p in zip(rotation, position, strict=True)]
    return np.stack(world, axis=-1).reshape(-1, 3)


def focal_length(height: int, fovy: float) -> float:
    """Pixels. `fovy` is the vertical field of view, rad."""
    return 0.5 * height / math.tan(0.5 * fovy)


def farthest_point_sample(points: np.ndarray, count: int) -> np.ndarray:
    """Indices (count,) of points spread as far apart as greedily possible, starting with point 0. Exact.

    Every further point is the one whose distance to the nearest chosen point is largest; of equal ones the first.
    `points` is [N, D] with N >= count.
    """
    chosen = np.empty(count, dtype=np.int64)
    nearest = np.full(len(points), np.inf)
    current = 0
    axes = np.ascontiguousarray(points.T)
    for i in range(count):
        chosen[i] = current
        distance = sum((axis - axis[current]) ** 2 for axis in axes)
        np.minimum(nearest, distance, out=nearest)
        current = int(nearest.argmax())
    return chosen


@dataclass(frozen=True)
class CloudSpec:
    """What becomes of a camera's points: the box that is kept, world frame, m, and how many points of it."""

    low: tuple[float, float, float]
    high: tuple[float, float, float]
    points: int

    def sample(self, points: np.ndarray) -> np.ndarray:
        """(points, 3) float32 of `points` [N, 3]. Where the box holds fewer, those found are repeated in order.

        Raises DATASET_INVALID where the box is empty.
        """
        inside = points[np.all((points >= self.low) & (points <= self.high), axis=1)]
        if len(inside) == 0:
            raise OmpModelsError(
                "DATASET_INVALID", f"no point of {len(points)} lies in the crop from {self.low} to {self.high} m"
            )
        if len(inside) < self.points:
            return np.resize(inside, (self.points, 3)).astype(np.float32)
        return inside[farthest_point_sample(inside, self.points)].astype(np.float32)
