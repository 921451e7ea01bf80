"""Writes test/vectors/random.json to stdout: the random stream of `omp_models.random_stream` for a few seeds."""

import json
import sys

from omp_models.random_stream import RandomStream

SEEDS = [0, 1, 41, 1_000_000, 2**31, 2**32 - 1, 2**32 + 41, -1]


def vectors(seed: int) -> dict[str, object]:
    """Every draw from a fresh stream."""
    bits, uniform, normal = RandomStream(seed), RandomStream(seed), RandomStream(seed)
    return {
        "seed": seed,
        "uint32": [bits.next_uint32() for _ in range(8)],
        "uniform_0.14_0.21": [uniform.uniform(0.14, 0.21) for _ in range(8)],
        "normal": [float(sample) for sample in normal.normal(7)],
    }


if __name__ == "__main__":
    json.dump({"streams": [vectors(seed) for seed in SEEDS]}, sys.stdout, indent=2)
