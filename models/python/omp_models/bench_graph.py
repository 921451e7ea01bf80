"""What specialization and INT8 are worth: weights, exactness and latency, on networks with random weights.

Latency does not depend on what the weights are, so nothing has to be trained. The graphs take turns in one process:
what else the machine does hits all of them alike, and their ratio means more than the time of any one.
"""

import gc
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from . import events
from .config import PolicyConfig
from .export_onnx import check_parity, export_onnx, write_graph
from .inputs import input_shapes, random_inputs
from .interrupt import Interrupt
from .networks import PolicyNetwork
from .objectives.mean_flow import sample_one_step
from .policy import Policy
from .provenance import processor
from .quantize import Quantizer
from .random_policy import random_policy
from .runner import OnnxRunner
from .specialize import FixedTimeSampler, count_weights

PUBLISHED = PolicyConfig(
    observation_shapes={"observation.point_cloud": (512, 3), "observation.state": (9,)},
    action_dim=4,
    horizon=4,
    n_action_steps=3,
    lead_steps=0,
    prediction="velocity",
    down_dims=(512, 1024, 2048),
    encoder_hidden_dim=64,
)
"""The network of MP1 and OMP on Meta-World, 255 M weights."""
NETWORKS = {"small": replace(PUBLISHED, down_dims=(128, 256, 384)), "full": PUBLISHED}
"""`small` has the widths of Simple DP3."""
CHECKED_SHAPES = (
    (4, (16, 32, 64)),
    (4, (128, 256, 384)),
    (8, (64, 128, 256)),
    (16, (64, 128)),
    (16, (32, 64, 128)),
    (32, (16, 32, 64)),
)
"""Horizons and widths on which the specialized network is compared with the network itself."""
WARM_UP_ROUNDS = 30
CALIBRATION_COUNT = 32


def figures(network: str, rounds: int, samples: Path | None, interrupt: Interrupt) -> dict[str, Any]:
    """The measured figures; `samples` is where every single latency goes, as JSON.

    weights_ratio_h4: weights of the specialized graph over those of the published network, horizon 4.
    specialized_max_abs_diff: largest difference from the network over CHECKED_SHAPES, network units.
    specialized_speedup_p50, int8_speedup_p50: median latency of the plain fp32 graph over that of the other.
    p50_us, megabytes: by graph.
    """
    measured = measure_latency(NETWORKS[network], rounds, interrupt)
    if samples is not None:
        samples.parent.mkdir(parents=True, exist_ok=True)
        samples.write_text(json.dumps({"network": network, **measured}) + "\n")
    p50 = {name: round(float(np.median(values)), 1) for name, values in measured["samples_us"].items()}
    return {
        "network": network,
        "weights_ratio_h4": round(weights_ratio(PUBLISHED), 4),
        "specialized_max_abs_diff": specialized_max_abs_diff(),
        "specialized_speedup_p50": round(p50["plain"] / p50["specialized"], 3),
        "int8_speedup_p50": round(p50["plain"] / p50["int8"], 3),
        "rounds": rounds,
        "p50_us": p50,
        "megabytes": measured["megabytes"],
    }


def weights_ratio(config: PolicyConfig) -> float:
    """Weights of the specialized policy over those of the trained network. Allocates none of them."""
    with torch.device("meta"):
        network = PolicyNetwork(config)
    sampler = FixedTimeSampler(network, sample_one_step, config)
    return (count_weights(sampler) + count_weights(network.encoder)) / count_weights(network)


def specialized_max_abs_diff() -> float:
    """Largest difference of the specialized network from the network, float32, over CHECKED_SHAPES; network units."""
    largest = 0.0
    for horizon, down_dims in CHECKED_SHAPES:
        config = PolicyConfig(horizon=horizon, down_dims=down_dims, n_action_steps=1, lead_steps=0)
        policy = random_policy(config, seed=horizon)
        sampler = FixedTimeSampler(policy.network, policy.sample, config)
        for case in random_inputs(policy, count=4, seed=1):
            observation = {key: torch.from_numpy(value) for key, value in case.items()}
            noise = observation.pop("noise")
            features = policy.network.encode(policy.normalize_observation(observation))
            difference = sampler(noise, features) - policy.sample(policy.network, noise, features)
            largest = max(largest, difference.abs().max().item())
    return largest


def measure_latency(config: PolicyConfig, rounds: int, interrupt: Interrupt) -> dict[str, Any]:
    """Microseconds of every run of the plain, the specialized and the INT8 graph, one thread, in turns."""
    with tempfile.TemporaryDirectory() as name:
        files = {graph: Path(name) / f"{graph}.onnx" for graph in ("plain", "specialized", "int8")}
        events.log("exporting")
        policy = random_policy(config)
        write_graph(PlainPolicy(policy), input_shapes(config), files["plain"])
        check_parity(policy, files["plain"], random_inputs(policy, count=4, seed=2))
        export_onnx(policy, files["specialized"])
        inputs = random_inputs(policy, CALIBRATION_COUNT, seed=3)
        Quantizer(files["specialized"], inputs).write(files["int8"])
        del policy
        gc.collect()
        interrupt.check()

        runners = {graph: OnnxRunner(path) for graph, path in files.items()}
        order = list(runners)
        samples: dict[str, list[float]] = {graph: [] for graph in order}
        progress = events.Progress("measure", rounds)
        for done in range(-WARM_UP_ROUNDS, rounds):
            case = inputs[done % len(inputs)]
            # Every graph runs after every other one as often.
            for graph in order[done % len(order) :] + order[: done % len(order)]:
                started_at = time.perf_counter()
                runners[graph].infer(case)
                if done >= 0:
                    samples[graph].append(round((time.perf_counter() - started_at) * 1e6, 1))
            interrupt.check()
            if done >= 0:
                progress.update(done + 1)
        return {
            "threads": 1,
            "machine": {"processor": processor(), "cores": os.cpu_count(), "onnxruntime": onnxruntime.__version__},
            "megabytes": {graph: round(path.stat().st_size / 1e6, 2) for graph, path in files.items()},
            "samples_us": samples,
        }


class PlainPolicy(nn.Module):
    """The policy as PyTorch runs it: one graph of everything, nothing folded."""

    def __init__(self, policy: Policy):
        super().__init__()
        self.policy = policy
        self._keys = list(policy.config.observation_shapes)

    def forward(self, *inputs: Tensor) -> Tensor:
        *observation, noise = inputs
        return self.policy(dict(zip(self._keys, observation, strict=True)), noise)
