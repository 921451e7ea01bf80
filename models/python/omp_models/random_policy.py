"""Policies with random weights, for measuring graphs without training."""

import numpy as np
import torch
from torch import nn

from .config import PolicyConfig, channels
from .dataset import ACTION_KEY
from .normalize import MinMaxStats
from .policy import Policy


def random_policy(config: PolicyConfig, seed: int = 0) -> Policy:
    """A policy ready for inference: PyTorch's initial weights, random biases and norms, unequal ranges of every key."""
    sizes = {key: channels(shape) for key, shape in config.observation_shapes.items()}
    sizes[ACTION_KEY] = config.action_dim
    ranges = {key: np.linspace(0.5, 2, size, dtype=np.float32) for key, size in sizes.items()}
    torch.manual_seed(seed)
    policy = Policy(config, {key: MinMaxStats(-value, 2 * value) for key, value in ranges.items()})
    for parameter in policy.network.parameters():
        # They start at 0 and 1, where an error in them would not show.
        if parameter.ndim == 1:
            nn.init.normal_(parameter, std=0.3)
    return policy.eval().requires_grad_(False)
