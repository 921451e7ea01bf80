"""How far the central difference is from the exact derivative on a trained policy; see `main`."""

import argparse
import json
import sys
from pathlib import Path

import torch
from torch import Tensor

from .objectives.derivative import time_derivative_dde, time_derivative_jvp
from .objectives.mean_flow import sample_path
from .policy import Policy, load_policy


def derivative_errors(policy: Policy, epsilon: float, batch: int, seed: int) -> Tensor:
    """`|dde - jvp| / |jvp|` of every point [batch], float32.

    Observations and actions are uniform over the training range, noise and times as in training with r < t. Where a
    network predicts actions, u = (z - x) / t, and the error grows like (epsilon / t)^2 towards t = 0.
    """
    config = policy.config
    generator = torch.Generator().manual_seed(seed)
    observation = {
        key: 2 * torch.rand(batch, config.n_obs_steps, *shape, generator=generator) - 1
        for key, shape in config.observation_shapes.items()
    }
    actions = 2 * torch.rand(batch, config.horizon, config.action_dim, generator=generator) - 1
    points = sample_path(actions, 0, generator)
    with torch.no_grad():
        features = policy.network.encode(observation)
    arguments = (policy.network, points.z, points.r, points.t, points.velocity, features)
    exact = time_derivative_jvp(*arguments).flatten(1)
    return (time_derivative_dde(*arguments, epsilon).flatten(1) - exact).norm(dim=1) / exact.norm(dim=1)


def main(argv: list[str] | None = None) -> int:
    """Prints mean, median and maximum over the points as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m omp_models.derivative_error", description=__doc__.split(";")[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="a bundle's checkpoint.safetensors")
    parser.add_argument("--epsilon", type=float, default=0.005)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    policy = load_policy(arguments.checkpoint)
    errors = derivative_errors(policy, arguments.epsilon, arguments.batch, arguments.seed)
    print(json.dumps({"mean": errors.mean().item(), "median": errors.median().item(), "max": errors.max().item()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
