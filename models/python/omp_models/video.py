"""Films a world step by step, into a .mp4 file (by ffmpeg) or a folder of PNG files. Needs OpenGL."""

import shutil
import struct
import subprocess
import zlib
from pathlib import Path
from types import TracebackType
from typing import Self

import mujoco
import numpy as np

from .errors import OmpModelsError
from .worlds.depth_camera import open_context
from .worlds.world import World

HEIGHT, WIDTH = 480, 640


class Video:
    """Context manager; `film` adds a picture from the scene's free camera.

    Raises PACKAGE_MISSING without OpenGL, VIDEO_FAILED without ffmpeg for a .mp4 file.
    """

    def __init__(self, path: Path, world: World) -> None:
        self._path = path
        self._model, self._data = world.model, world.data
        self._frames = 0
        self._ffmpeg = _open_ffmpeg(path, 1000 / world.dt_ms) if path.suffix == ".mp4" else None
        size = self._model.vis.global_
        size.offwidth, size.offheight = max(size.offwidth, WIDTH), max(size.offheight, HEIGHT)
        try:
            self._context = open_context(WIDTH, HEIGHT)
        except OmpModelsError:
            self._stop_ffmpeg()
            raise
        self._context.make_current()
        self._renderer = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_100)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._renderer)
        self._scene = mujoco.MjvScene(self._model, maxgeom=10_000)
        self._camera = mujoco.MjvCamera()
        mujoco.mjv_defaultFreeCamera(self._model, self._camera)
        if self._ffmpeg is None:
            path.mkdir(parents=True, exist_ok=True)

    def film(self) -> None:
        """Adds a picture of the present state."""
        self._context.make_current()
        every, rectangle = mujoco.mjtCatBit.mjCAT_ALL, mujoco.MjrRect(0, 0, WIDTH, HEIGHT)
        option = mujoco.MjvOption()
        mujoco.mjv_updateScene(self._model, self._data, option, None, self._camera, every, self._scene)
        mujoco.mjr_render(rectangle, self._scene, self._renderer)
        pixels = np.empty((HEIGHT, WIDTH, 3), np.uint8)
        mujoco.mjr_readPixels(pixels, None, rectangle, self._renderer)
        pixels = np.flipud(pixels)
        if self._ffmpeg is None:
            (self._path / f"{self._frames:06d}.png").write_bytes(png(pixels))
        else:
            self._ffmpeg.stdin.write(pixels.tobytes())
        self._frames += 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._renderer.free()
        self._context.free()
        self._stop_ffmpeg()

    def _stop_ffmpeg(self) -> None:
        if self._ffmpeg is not None:
            self._ffmpeg.stdin.close()
            self._ffmpeg.wait()


def png(pixels: np.ndarray) -> bytes:
    """A PNG file (ISO/IEC 15948) of `pixels` [H, W, 3] uint8."""
    height, width, _ = pixels.shape
    rows = np.zeros((height, 1 + 3 * width), np.uint8)
    rows[:, 1:] = pixels.reshape(height, -1)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = zlib.compress(rows.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _open_ffmpeg(path: Path, frames_per_second: float) -> subprocess.Popen:
    if shutil.which("ffmpeg") is None:
        raise OmpModelsError(
            "VIDEO_FAILED", f"{path} needs ffmpeg, which is not installed; name a folder for PNG files"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    source = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}", "-r", f"{frames_per_second:.6g}"]
    command = ["ffmpeg", "-loglevel", "error", "-y", *source, "-i", "-", "-pix_fmt", "yuv420p", str(path)]
    return subprocess.Popen(command, stdin=subprocess.PIPE)
