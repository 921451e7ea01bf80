"""Depth images of a MuJoCo model without a screen, through EGL or OSMesa."""

import atexit
import importlib
import math
import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import mujoco
import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.worlds.point_cloud import CloudSpec, back_project

BACKENDS = ("egl", "osmesa")


class DepthCamera:
    """A camera of a model that measures depth. The picture is taken of the state that MuJoCo last computed.

    Uses the backend that MUJOCO_GL names, else the first of EGL and OSMesa that works.

    Args:
        model: what is looked at.
        name: of the camera.
        width: pixels.
        height: pixels.
    """

    def __init__(self, model: mujoco.MjModel, name: str, width: int = 128, height: int = 128) -> None:
        self._context = open_context(width, height)
        self._model = model
        self._camera = mujoco.MjvCamera()
        self._camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
        self._camera.fixedcamid = model.camera(name).id
        self._scene = mujoco.MjvScene(model, maxgeom=10_000)
        # Flat colours: lights, shadows and textures cost time and change no depth.
        self._scene.flags[mujoco.mjtRndFlag.mjRND_SEGMENT] = True
        self._option = mujoco.MjvOption()
        self._context.make_current()
        self._renderer = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._renderer)
        self._renderer.readDepthMap = mujoco.mjtDepthMap.mjDEPTH_ZEROFAR
        self._rectangle = mujoco.MjrRect(0, 0, width, height)
        # The driver is shut down before Python destroys what is left.
        atexit.register(self.close)

    def depth(self, data: mujoco.MjData) -> np.ndarray:
        """(H, W) m from the camera's plane, row 0 on top; the far plane's distance where nothing is."""
        self._context.make_current()
        mujoco.mjv_updateScene(
            self._model, data, self._option, None, self._camera, mujoco.mjtCatBit.mjCAT_ALL, self._scene
        )
        mujoco.mjr_render(self._rectangle, self._scene, self._renderer)
        buffer = np.empty((self._rectangle.height, self._rectangle.width), np.float32)
        mujoco.mjr_readPixels(None, buffer, self._rectangle, self._renderer)
        near, far = (self._model.stat.extent * limit for limit in (self._model.vis.map.znear, self._model.vis.map.zfar))
        # The buffer is 1 at the near plane, 0 at the far plane and linear in the inverse of the distance.
        return near * far / (near + np.flipud(buffer).astype(np.float64) * (far - near))

    def points(self, data: mujoco.MjData) -> np.ndarray:
        """World points (H * W, 3) m that the camera sees, with its true pose."""
        index = self._camera.fixedcamid
        return back_project(
            self.depth(data),
            math.radians(self._model.cam_fovy[index]),
            data.cam_xpos[index],
            data.cam_xmat[index].reshape(3, 3),
        )

    def close(self) -> None:
        """Frees the context; the camera is of no use afterwards."""
        atexit.unregister(self.close)
        self._renderer.free()
        self._context.free()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def cloud_reader(simulator: Any, name: str, spec: CloudSpec) -> Callable[[], np.ndarray]:
    """What makes the cloud of a simulator's present state. OpenGL is opened when the first cloud is asked for.

    Args:
        simulator: has MuJoCo's `model` and `data`.
        name: of the camera.
        spec: what becomes of the camera's points.
    """
    cameras: list[DepthCamera] = []

    def read() -> np.ndarray:
        if not cameras:
            cameras.append(DepthCamera(simulator.model, name))
        return spec.sample(cameras[0].points(simulator.data))

    return read


def open_context(width: int, height: int) -> Any:
    """An off-screen OpenGL context. Raises PACKAGE_MISSING where none can be opened."""
    chosen = os.environ.get("MUJOCO_GL", "").lower()
    faults = []
    for name in (chosen,) if chosen in BACKENDS else BACKENDS:
        try:
            return importlib.import_module(f"mujoco.{name}").GLContext(width, height)
        except Exception as error:  # PyOpenGL and the drivers fail in many ways.
            faults.append(f"{name}: {type(error).__name__}: {error}")
    raise OmpModelsError(
        "PACKAGE_MISSING",
        f"clouds and films need OpenGL without a screen ({'; '.join(faults)}). On Debian install libegl1 libgl1 "
        "libopengl0 libegl-mesa0 libgl1-mesa-dri, or libosmesa6 with MUJOCO_GL=osmesa",
    )
