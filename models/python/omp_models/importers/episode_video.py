"""Pictures of a video at given times."""

from pathlib import Path

import numpy as np

from omp_models.errors import OmpModelsError
from omp_models.importers.recording import missing_package

FRAME_TOLERANCE = 0.1
"""Share of a period by which a frame may miss its time: more, and a picture would go with another step's action."""


def read_frames(path: Path, times: np.ndarray, period: float, size: int, episode: int) -> np.ndarray:
    """One picture for every time, float32 [T, 3, size, size] in [0, 1], RGB.

    Args:
        path: the video file.
        times: ascending, s from the start of the video.
        period: of the recording, s.
        size: pixels to which pictures are scaled.
        episode: for messages.

    Raises DATASET_INVALID naming file, episode and row where the video has no frame at a time.
    """
    try:
        import av
    except ImportError as error:
        raise missing_package("av", error) from error
    if not path.is_file():
        raise OmpModelsError("DATASET_INVALID", f"{path}: no such file, episode {episode}")
    frames = np.empty((len(times), 3, size, size), np.float32)
    tolerance = FRAME_TOLERANCE * period
    row = 0
    try:
        with av.open(path) as container:
            stream = container.streams.video[0]
            # Decoding goes on from the key frame before the first time.
            container.seek(max(0, int((times[0] - tolerance) / stream.time_base)), stream=stream, backward=True)
            for frame in container.decode(stream):
                if frame.time is None or frame.time < times[row] - tolerance:
                    continue
                if frame.time > times[row] + tolerance:
                    break
                picture = frame.reformat(width=size, height=size, format="rgb24").to_ndarray()
                frames[row] = np.moveaxis(picture, 2, 0) / np.float32(255)
                row += 1
                if row == len(times):
                    return frames
    except (av.FFmpegError, IndexError) as error:
        raise OmpModelsError(
            "DATASET_INVALID", f"{path}: episode {episode}: row {row} does not decode ({error})"
        ) from error
    raise OmpModelsError(
        "DATASET_INVALID",
        f"{path}: episode {episode}: row {row} has no frame at {times[row]:.4f} s (+- {tolerance:.4f} s)",
    )
