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
from .worlds.world import World

HEIGHT, WIDTH = 480, 640
NO_OPENGL = "no OpenGL context; set MUJOCO_GL=egl (libegl1) or MUJOCO_GL=osmesa (libosmesa6)"


class Video:
    """Context manager; `film` adds a picture. Raises VIDEO_FAILED where pictures cannot be made or written."""

    def __init__(self, path: Path, world: World, camera: str | int = -1) -> None:
        self._path = path
        self._data = world.data
        self._camera = camera
        self._frames = 0
        self._ffmpeg: subprocess.Popen | None = None
        if path.suffix == ".mp4":
            self._ffmpeg = _open_ffmpeg(path, 1000 / world.dt_ms)
        else:
            path.mkdir(parents=True, exist_ok=True)
        try:
            self._renderer = mujoco.Renderer(world.model, HEIGHT, WIDTH)
        except (RuntimeError, AttributeError, ImportError, mujoco.FatalError) as error:
            self._stop_ffmpeg()
            raise OmpModelsError("VIDEO_FAILED", f"{NO_OPENGL} ({error})") from error

    def film(self) -> None:
        """Adds a picture of the present state."""
        self._renderer.update_scene(self._data, self._camera)
        pixels = self._renderer.render()
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
        self._renderer.close()
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
