"""How sure a success rate is, and whether two policies differ."""

import math
from collections.abc import Sequence

import numpy as np

Z_95 = 1.959963984540054
"""97.5 % quantile of the standard normal distribution."""


def wilson_interval(successes: int, trials: int, z: float = Z_95) -> tuple[float, float]:
    """Interval of the success probability (Wilson 1927), 95 % by default; (0, 1) without trials."""
    if trials == 0:
        return 0.0, 1.0
    rate = successes / trials
    centre = (rate + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    return max(0.0, centre - half), min(1.0, centre + half)


def mcnemar_p(only_first: int, only_second: int) -> float:
    """Two-sided exact p of McNemar's test.

    The probability of discordant pairs at least as lopsided as these when both policies are equally good. Pairs in
    which both policies succeed or both fail say nothing about it.
    """
    discordant = only_first + only_second
    tail = sum(math.comb(discordant, k) for k in range(min(only_first, only_second) + 1))
    return min(1.0, 2 * tail / 2**discordant)


def paired_interval(only_first: int, only_second: int, pairs: int) -> tuple[float, float]:
    """95 % interval of the difference of two success rates on the same episodes (Agresti and Min 2005)."""
    first, second, count = only_first + 0.5, only_second + 0.5, pairs + 2
    difference = (first - second) / count
    half = Z_95 * math.sqrt(first + second - (first - second) ** 2 / count) / count
    return max(-1.0, difference - half), min(1.0, difference + half)


def sign_flip_p(differences: Sequence[int]) -> float:
    """Two-sided exact p of the paired sign-flip test (Fisher 1935).

    The probability of a sum of differences at least as far from 0 when the sign of each is a coin toss. Zeros say
    nothing.
    """
    ways = {0: 1}
    for size in map(abs, differences):
        tossed: dict[int, int] = {}
        for total, count in ways.items():
            for after in (total + size, total - size):
                tossed[after] = tossed.get(after, 0) + count
        ways = tossed
    observed = abs(sum(differences))
    return sum(count for total, count in ways.items() if abs(total) >= observed) / sum(ways.values())


def holm(p_values: Sequence[float]) -> list[float]:
    """The p values corrected for being several (Holm 1979), in their order."""
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = largest
    return corrected


def spread_p(blocks: np.ndarray, draws: int = 20_000) -> float:
    """Whether the columns of `blocks` [rows, columns] differ: a permutation test within rows, with a fixed seed.

    The probability of column means that vary at least as much when the order within each row is chance.
    """

    def spread(values: np.ndarray) -> np.ndarray:
        return values.mean(axis=-2).var(axis=-1)

    shuffled = np.random.default_rng(0).permuted(np.broadcast_to(blocks, (draws, *blocks.shape)), axis=-1)
    at_least = np.count_nonzero(spread(shuffled) >= spread(blocks) - 1e-12)
    return (1 + at_least) / (1 + draws)


def latency(values_ms: Sequence[float]) -> dict[str, float] | None:
    """`p50_ms` and `p99_ms` of measured times; None without one."""
    if not values_ms:
        return None
    p50, p99 = np.percentile(values_ms, [50, 99])
    return {"p50_ms": round(float(p50), 4), "p99_ms": round(float(p99), 4)}
