"""Which windows make a batch."""

import torch
from torch import Tensor

EPOCH_SEED_STRIDE = 0x9E3779B1
"""Keeps the epochs of neighbouring seeds apart. A torch generator uses the lowest 32 bits of its seed only."""


class Batches:
    """Shuffled batches of window indices; batch `step` depends on the seed and `step` alone."""

    def __init__(self, windows: int, batch_size: int, seed: int):
        self._windows = windows
        self._batch_size = min(batch_size, windows)
        self._per_epoch = windows // self._batch_size
        self._seed = seed
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.long)

    def __getitem__(self, step: int) -> Tensor:
        epoch, batch = divmod(step, self._per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed((self._seed * EPOCH_SEED_STRIDE + epoch) % 2**32)
            self._order = torch.randperm(self._windows, generator=generator)
            self._epoch = epoch
        return self._order[batch * self._batch_size :][: self._batch_size]
