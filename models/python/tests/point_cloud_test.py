"""Depth images and point clouds, against scenes whose geometry is known."""

import math

import mujoco
import numpy as np
import pytest

from omp_models.errors import OmpModelsError
from omp_models.worlds.depth_camera import DepthCamera, open_context
from omp_models.worlds.point_cloud import CloudSpec, back_project, farthest_point_sample

RADIUS = 0.1
CENTRE = np.array([0.05, 0.6, 0.25])
PLANE_Z = 0.02

# With MuJoCo's usual 28 slices a sphere is drawn up to 1.1 mm too small.
SCENE = f"""
<mujoco>
  <visual><map znear="0.01" zfar="50"/><quality numslices="200" numstacks="200"/></visual>
  <worldbody>
    <geom type="plane" size="2 2 0.1" pos="0 0 {PLANE_Z}"/>
    <geom type="sphere" size="{RADIUS}" pos="{CENTRE[0]} {CENTRE[1]} {CENTRE[2]}"/>
    <camera name="tilted" pos="0.6 0.2 0.9" xyaxes="0.8 0.6 0 -0.3 0.4 0.7" fovy="50"/>
  </worldbody>
</mujoco>
"""


def reason_without_gl() -> str:
    """Why nothing can be rendered here, empty where it can."""
    try:
        open_context(8, 8).free()
    except OmpModelsError as error:
        return str(error)
    return ""


NO_GL = reason_without_gl()
needs_gl = pytest.mark.skipif(NO_GL != "", reason=NO_GL)


@needs_gl
@pytest.mark.parametrize(("width", "height"), [(128, 128), (160, 96)])
def test_seen_points_lie_on_the_plane_and_the_sphere(width: int, height: int) -> None:
    model = mujoco.MjModel.from_xml_string(SCENE)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    with DepthCamera(model, "tilted", width, height) as camera:
        points = camera.points(data)
    from_plane = np.abs(points[:, 2] - PLANE_Z)
    from_sphere = np.abs(np.linalg.norm(points - CENTRE, axis=1) - RADIUS)
    near = np.linalg.norm(points - CENTRE, axis=1) < 2
    assert np.minimum(from_plane, from_sphere)[near].max() < 1e-3
    assert (from_sphere < 1e-3).sum() > 100
    assert (from_plane[near] < 1e-3).sum() > 1000
    # The half of the sphere that looks at the camera, and no more, is seen.
    ball = points[from_sphere < 1e-4]
    towards = data.cam_xpos[0] - CENTRE
    assert np.all((ball - CENTRE) @ towards >= RADIUS**2 - 1e-3)


@needs_gl
def test_two_cameras_at_once_see_their_own_model() -> None:
    models = [mujoco.MjModel.from_xml_string(SCENE.replace(f'pos="0 0 {PLANE_Z}"', f'pos="0 0 {z}"')) for z in (0, 0.1)]
    data = [mujoco.MjData(model) for model in models]
    cameras = [DepthCamera(model, "tilted") for model in models]
    for model, one in zip(models, data, strict=True):
        mujoco.mj_forward(model, one)
    heights = [np.median(camera.points(one)[:, 2]) for camera, one in zip(cameras, data, strict=True)]
    assert heights == pytest.approx([0, 0.1], abs=1e-3)
    for camera in cameras:
        camera.close()


def test_back_projection_inverts_a_pinhole_camera() -> None:
    random = np.random.default_rng(0)
    rotation, _ = np.linalg.qr(random.standard_normal((3, 3)))
    position = random.standard_normal(3)
    depth = random.uniform(0.5, 2, (6, 10))
    points = back_project(depth, math.radians(60), position, rotation)
    camera = (points - position) @ rotation
    np.testing.assert_allclose(-camera[:, 2], depth.ravel())
    focal = 3 / math.tan(math.radians(30))
    columns = camera[:, 0] / -camera[:, 2] * focal + 5
    rows = -camera[:, 1] / -camera[:, 2] * focal + 3
    np.testing.assert_allclose(columns.reshape(6, 10), np.tile(np.arange(10) + 0.5, (6, 1)))
    np.testing.assert_allclose(rows.reshape(6, 10), np.tile(np.arange(6)[:, None] + 0.5, (1, 10)))


def test_sampling_takes_the_farthest_point_each_time() -> None:
    points = np.random.default_rng(1).standard_normal((60, 3))
    chosen = farthest_point_sample(points, 20)
    assert chosen[0] == 0
    for i in range(1, 20):
        distances = np.linalg.norm(points[:, None] - points[chosen[:i]], axis=2).min(axis=1)
        assert distances[chosen[i]] == pytest.approx(distances.max())
    assert len(set(farthest_point_sample(points, 60))) == 60


def test_a_cloud_has_its_size_and_keeps_to_its_box() -> None:
    spec = CloudSpec((0, 0, 0), (1, 1, 1), 16)
    points = np.random.default_rng(2).uniform(-1, 2, (5000, 3))
    cloud = spec.sample(points)
    assert cloud.shape == (16, 3) and cloud.dtype == np.float32
    assert np.all((cloud >= 0) & (cloud <= 1))
    few = np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [3, 3, 3]])
    filled = spec.sample(few)
    assert filled.shape == (16, 3)
    np.testing.assert_allclose(np.unique(filled, axis=0), few[:2], atol=1e-6)
    with pytest.raises(OmpModelsError, match="no point of 1 lies in the crop"):
        spec.sample(few[2:])
