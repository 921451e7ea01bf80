"""Peak memory of training steps by how du/dt is derived: `python -m omp_models.memory --help`.

| way | what it does |
|---|---|
| `jvp_create_graph` | `torch.autograd.functional.jvp(create_graph=True)`, as MP1's code: double backward, graph kept |
| `jvp_forward` | `torch.func.jvp` of the graph-carrying evaluation itself: dual numbers on top of the graph |
| `jvp` | ours: dual numbers without a graph, then an ordinary evaluation |
| `dde` | ours: central difference without a graph, then an ordinary evaluation |

Each way runs in a fresh process; its peak is that of the resident set, on CUDA that of the allocated device memory. All
take du/dt of the whole batch and regress to the same target.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .config import PolicyConfig
from .device import DEVICES, select_device
from .networks import PolicyNetwork
from .objectives.derivative import time_derivative_dde, time_derivative_jvp
from .objectives.losses import adaptive_mse

DDE_EPSILON = 0.005
Evaluate = Callable[..., tuple[Tensor, Tensor]]


def _jvp_create_graph(network: PolicyNetwork, z: Tensor, r: Tensor, t: Tensor, v: Tensor, features: Tensor):
    tangents = (v, torch.zeros_like(r), torch.ones_like(t))
    return torch.autograd.functional.jvp(
        lambda z, r, t: network(z, r, t, features), (z, r, t), tangents, create_graph=True
    )


def _jvp_forward(network: PolicyNetwork, z: Tensor, r: Tensor, t: Tensor, v: Tensor, features: Tensor):
    tangents = (v, torch.zeros_like(r), torch.ones_like(t))
    return torch.func.jvp(lambda z, r, t: network(z, r, t, features), (z, r, t), tangents)


def _jvp(network: PolicyNetwork, z: Tensor, r: Tensor, t: Tensor, v: Tensor, features: Tensor):
    derivative = time_derivative_jvp(network, z, r, t, v, features.detach())
    return network(z, r, t, features), derivative


def _dde(network: PolicyNetwork, z: Tensor, r: Tensor, t: Tensor, v: Tensor, features: Tensor):
    derivative = time_derivative_dde(network, z, r, t, v, features.detach(), DDE_EPSILON)
    return network(z, r, t, features), derivative


WAYS: dict[str, Evaluate] = {
    "jvp_create_graph": _jvp_create_graph,
    "jvp_forward": _jvp_forward,
    "jvp": _jvp,
    "dde": _dde,
}
"""Velocity u, with its graph, and du/dt [B, H, A] by name."""


def measure(way: str, down_dims: tuple[int, ...], horizon: int, batch: int, steps: int, device: str) -> dict[str, Any]:
    """Runs `steps` training steps in this process.

    `peak_mb`, of it `above_start_mb` more than before the first step, and the sizes that were measured.
    """
    place = select_device(device, threads=1)
    torch.manual_seed(0)
    config = PolicyConfig(
        observation_shapes={"observation.state": (9,)},
        action_dim=4,
        horizon=horizon,
        n_action_steps=1,
        down_dims=down_dims,
        prediction="velocity",
    )
    network = PolicyNetwork(config).to(place)
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4, fused=True)
    observation = {"observation.state": torch.randn(batch, config.n_obs_steps, 9, device=place)}
    actions, noise = torch.randn(2, batch, horizon, 4, device=place)
    r, t = torch.rand(2, batch, device=place).sort(dim=0).values
    v = noise - actions
    z = actions + t[:, None, None] * v
    start = _present_mb(place)
    for _ in range(steps):
        features = network.encode(observation)
        u, derivative = WAYS[way](network, z, r, t, v, features)
        target = v - (t - r)[:, None, None] * derivative.detach()
        loss = adaptive_mse(u - target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        # A graph that lives into the next step would be counted twice.
        del features, u, derivative, target, loss
    peak = _peak_mb(place)
    sizes = {"down_dims": list(down_dims), "horizon": horizon, "batch": batch, "device": device}
    return {"peak_mb": round(peak, 1), "above_start_mb": round(peak - start, 1), **sizes}


def _present_mb(place: torch.device) -> float:
    return torch.cuda.memory_allocated() / 2**20 if place.type == "cuda" else _resident_mb("VmRSS")


def _peak_mb(place: torch.device) -> float:
    return torch.cuda.max_memory_allocated() / 2**20 if place.type == "cuda" else _resident_mb("VmHWM")


def _resident_mb(entry: str) -> float:
    """`VmRSS` now or `VmHWM` at the peak, of this process, from Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{entry}:")) / 1024


def main(argv: list[str] | None = None) -> int:
    """Measures every way in a process of its own and prints a table, or one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m omp_models.memory", description=__doc__.splitlines()[0])
    parser.add_argument("--down-dims", type=int, nargs="+", default=[64, 128, 256], help="channels of the U-Net")
    parser.add_argument("--horizon", type=int, default=16)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--steps", type=int, default=3)
    parser.add_argument("--device", choices=DEVICES, default="cpu")
    parser.add_argument("--json", action="store_true", help="print one JSON object: what was measured, by way")
    parser.add_argument("--ways", choices=list(WAYS), nargs="+", default=list(WAYS), help="default: all")
    parser.add_argument("--here", action="store_true", help="measure the first way in this process")
    arguments = parser.parse_args(argv)
    sizes = (tuple(arguments.down_dims), arguments.horizon, arguments.batch, arguments.steps, arguments.device)
    if arguments.here:
        print(json.dumps(measure(arguments.ways[0], *sizes)))
        return 0
    given = sys.argv[1:] if argv is None else argv
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    results = {}
    for way in arguments.ways:
        command = [sys.executable, "-m", "omp_models.memory", *given, "--ways", way, "--here"]
        results[way] = json.loads(subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout)
    if arguments.json:
        print(json.dumps(results))
    else:
        for way, result in results.items():
            print(f"{way:18} peak {result['peak_mb']:8.1f} MB, {result['above_start_mb']:8.1f} MB above the start")
    return 0


if __name__ == "__main__":
    sys.exit(main())
