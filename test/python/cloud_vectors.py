"""Writes test/vectors/depth-cloud.json to stdout: clouds that the training code makes of depth images.

With `--scene SEED WIDTH HEIGHT POINTS`, one larger case instead. With `--world`, what a camera of Meta-World sees and
the cloud that a policy is trained with, or why there is none.
"""

import json
import math
import sys

import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.worlds import metaworld
from omp_models.worlds.depth_camera import DepthCamera
from omp_models.worlds.point_cloud import CloudSpec, back_project, farthest_point_sample, focal_length

BALL = np.array([0.05, 0.6, 0.15])
RADIUS = 0.1
LOW, HIGH = (-0.5, 0.2, -0.02), (0.5, 1.0, 0.5)


def look_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """MuJoCo's axes of a camera: x right, y up, looking along -z."""
    back = (position - target) / np.linalg.norm(position - target)
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    return np.stack([right, np.cross(back, right), back], axis=1)


def scene(seed: int, width: int, height: int, points: int) -> dict[str, object]:
    """A ball on a table, seen from a random side; depth in whole mm with noise and holes, as cameras give it."""
    random = np.random.default_rng(seed)
    fovy = random.uniform(0.8, 1.1)
    position = np.array([random.uniform(-0.6, 0.6), random.uniform(-0.2, 0.1), random.uniform(0.5, 0.9)])
    rotation = look_at(position, BALL + random.uniform(-0.05, 0.05, 3))
    rays = back_project(np.ones((height, width)), fovy, np.zeros(3), rotation)
    depth = np.where(rays[:, 2] < 0, -position[2] / np.minimum(rays[:, 2], -1e-9), 30.0)
    a, b = (rays**2).sum(1), rays @ (position - BALL)
    root = b**2 - a * (((position - BALL) ** 2).sum() - RADIUS**2)
    ball = (-b - np.sqrt(np.maximum(root, 0))) / a
    depth = np.where((root > 0) & (ball > 0), np.minimum(depth, ball), depth)
    depth = np.clip(np.rint(1000 * np.minimum(depth, 60) + random.normal(0, 1.5, depth.shape)), 0, 65535)
    depth[random.random(depth.shape) < 0.02] = 0
    return case(depth.astype(np.uint16).reshape(height, width), fovy, position, rotation, points)


def case(depth: np.ndarray, fovy: float, position: np.ndarray, rotation: np.ndarray, points: int) -> dict[str, object]:
    """What training makes of an image in mm."""
    spec = CloudSpec(LOW, HIGH, points)
    world = back_project(depth * 0.001, fovy, position, rotation)
    inside = world[np.all((world >= LOW) & (world <= HIGH), axis=1)]
    chosen = farthest_point_sample(inside, points).tolist() if len(inside) >= points else []
    return {
        "width": depth.shape[1],
        "height": depth.shape[0],
        "fovy": fovy,
        "focal": focal_length(len(depth), fovy),
        "position": position.tolist(),
        "rotation": rotation.ravel().tolist(),
        "low": LOW,
        "high": HIGH,
        "points": points,
        "depth_mm": depth.ravel().tolist(),
        "inside": len(inside),
        "chosen": chosen,
        "cloud": [round(float(value), 9) for value in spec.sample(world).ravel()],
    }


def world() -> dict[str, object]:
    """The depth image behind the cloud of a simulated world, m."""
    try:
        task = metaworld.MetaworldWorld("button-press", ["observation.point_cloud"])
        cloud = task.reset(5)["observation.point_cloud"]
        camera = DepthCamera(task.model, metaworld.CAMERA)
    except OmpModelsError as error:
        return {"missing": str(error)}
    depth = camera.depth(task.data)
    index = task.model.camera(metaworld.CAMERA).id
    fovy = math.radians(task.model.cam_fovy[index])
    return {
        "width": depth.shape[1],
        "height": depth.shape[0],
        "fovy": fovy,
        "focal": focal_length(len(depth), fovy),
        "position": task.data.cam_xpos[index].tolist(),
        "rotation": task.data.cam_xmat[index].tolist(),
        "low": metaworld.CLOUD.low,
        "high": metaworld.CLOUD.high,
        "points": metaworld.CLOUD.points,
        "depth_m": depth.ravel().tolist(),
        "cloud": cloud.astype(np.float64).ravel().tolist(),
    }


def lattice() -> dict[str, object]:
    """Whole numbers, most of them equally far from one another: of equal points the first counts."""
    axis = np.arange(6.0)
    points = np.stack(np.meshgrid(axis, axis, axis[:4]), axis=-1).reshape(-1, 3)
    points = np.random.default_rng(3).permutation(np.concatenate([points, points[:40]]))
    return {"points": points.ravel().tolist(), "chosen": farthest_point_sample(points, 170).tolist()}


def main(arguments: list[str]) -> None:
    """The golden file, or one scene."""
    if arguments == ["--world"]:
        made: object = world()
    elif arguments:
        made = scene(*(int(argument) for argument in arguments[1:]))
    else:
        few = scene(4, 12, 8, 96)
        made = {"images": [scene(1, 40, 30, 128), scene(2, 24, 32, 64), few], "lattice": lattice()}
    json.dump(made, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1:])
