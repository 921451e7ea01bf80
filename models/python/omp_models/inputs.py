"""Inputs on which graphs are measured: real observations or random ones, each with its own noise."""

import numpy as np
import torch

from .config import PolicyConfig
from .dataset import Demonstrations, make_windows
from .policy import Policy
from .runner import NOISE_INPUT, Inputs

TIME_INPUTS = {
    "t": "time of the noisy actions that stand in for the noise, 0 to 1; 1 is noise",
    "r": "time that the step leads to, 0 to t; 0 is actions",
}
"""Further inputs of the graph whose times are free (`export_onnx.export_timed_onnx`), and what they mean."""
CHECK_SEED = 20_261_123
"""Not the seed of any calibration, so that the noise of a check is new to the quantized graph."""


def input_shapes(config: PolicyConfig) -> dict[str, tuple[int, ...]]:
    """Graph inputs by name, in order."""
    shapes = {key: (1, config.n_obs_steps, *shape) for key, shape in config.observation_shapes.items()}
    return {**shapes, NOISE_INPUT: (1, config.horizon, config.action_dim)}


def random_inputs(policy: Policy, count: int, seed: int) -> list[Inputs]:
    """Observations uniform over 1.1 times the training range, noise N(0, 1)."""
    random = np.random.default_rng(seed)
    shapes = input_shapes(policy.config)
    noise_shape = shapes.pop(NOISE_INPUT)
    cases = []
    for _ in range(count):
        normalized = {key: random.uniform(-1.1, 1.1, shape).astype(np.float32) for key, shape in shapes.items()}
        physical = policy.observation_normalizer.inverse({k: torch.from_numpy(v) for k, v in normalized.items()})
        noise = random.standard_normal(noise_shape, dtype=np.float32)
        cases.append({**{key: value.numpy() for key, value in physical.items()}, NOISE_INPUT: noise})
    return cases


class ObservedInputs:
    """Observation windows of demonstrations. Draws of one object never share a window while there are enough."""

    def __init__(self, demonstrations: Demonstrations, policy: Policy, order_seed: int = 0):
        windows = make_windows(demonstrations, policy.config).observations
        self._windows = {key: value.numpy() for key, value in windows.items()}
        self._noise_shape = input_shapes(policy.config)[NOISE_INPUT]
        count = len(next(iter(self._windows.values())))
        self._order = np.random.default_rng(order_seed).permutation(count)
        self._next = 0

    def draw(self, count: int, noise_seed: int) -> list[Inputs]:
        """The next `count` windows in random order, each with noise N(0, 1) of `noise_seed`."""
        rows = np.arange(self._next, self._next + count) % len(self._order)
        self._next += count
        random = np.random.default_rng(noise_seed)
        return [
            {
                **{key: values[row][None] for key, values in self._windows.items()},
                NOISE_INPUT: random.standard_normal(self._noise_shape, dtype=np.float32),
            }
            for row in self._order[rows]
        ]
