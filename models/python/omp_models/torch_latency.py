"""Times PyTorch eager on a bundle's network, a few runs whenever it is asked, so that others can take turns with it.

Every line on stdin is a number of runs; the answer is one line, a JSON array of their durations in microseconds.
`python -m omp_models.torch_latency --help`.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import torch

from .inputs import random_inputs
from .policy import load_policy
from .runner import TorchRunner


def main(argv: list[str] | None = None) -> int:
    """Answers until stdin ends."""
    parser = argparse.ArgumentParser(prog="python -m omp_models.torch_latency", description=__doc__.split("\n")[0])
    parser.add_argument("--checkpoint", type=Path, required=True, help="a bundle's checkpoint.safetensors")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    policy = load_policy(arguments.checkpoint)
    runner, [inputs] = TorchRunner(policy), random_inputs(policy, 1, seed=0)
    for line in sys.stdin:
        durations = []
        for _ in range(int(line)):
            started_at = time.perf_counter()
            runner.infer(inputs)
            durations.append(round((time.perf_counter() - started_at) * 1e6, 1))
        print(json.dumps(durations), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
