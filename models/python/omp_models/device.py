"""Where a network is trained."""

import torch

from .errors import OmpModelsError

DEVICES = ("cpu", "cuda")


def select_device(name: str, threads: int) -> torch.device:
    """Prepares the device `name` for a run that can be repeated. Raises CONFIG_INVALID where there is none.

    On CUDA, float32 means float32: TF32 is off, because a central difference at eps = 0.005 does not survive its 10
    bits. Speed comes from `precision: bf16`, which leaves derivatives alone.
    """
    torch.set_num_threads(threads)
    if name == "cuda":
        if not torch.cuda.is_available():
            raise OmpModelsError("CONFIG_INVALID", "torch finds no CUDA device here; use --device cpu")
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.benchmark = False
        torch.backends.cudnn.deterministic = True
    return torch.device(name)
