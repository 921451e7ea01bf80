"""Published values of the interval and the test."""

import numpy as np
import pytest

from omp_models.success_rate import (
    holm,
    latency,
    mcnemar_p,
    paired_interval,
    sign_flip_p,
    spread_p,
    wilson_interval,
)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_has_its_published_values(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)
    # A failure is a success of the opposite.
    assert wilson_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_no_trial_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [(0, 0, 1.0), (5, 0, 2 / 32), (1, 8, 20 / 512), (4, 4, 1.0), (0, 10, 2 / 1024)],
)
def test_mcnemar_counts_the_coin_tosses(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar_p(only_first, only_second) == pytest.approx(p)
    assert mcnemar_p(only_second, only_first) == pytest.approx(p)


def test_latency_is_absent_without_a_measurement() -> None:
    assert latency([]) is None
    assert latency([1.0, 2.0, 3.0]) == {"p50_ms": 2.0, "p99_ms": 2.98}


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([], 1.0),
        ([0, 0], 1.0),
        ([3, 3, 3, 3, 3], 2 / 32),
        ([-1, 2, 4], 4 / 8),
        ([5, -5], 1.0),
    ],
)
def test_a_sign_flip_counts_the_coin_tosses(differences: list[int], p: float) -> None:
    assert sign_flip_p(differences) == pytest.approx(p)
    assert sign_flip_p([-one for one in differences]) == pytest.approx(p)


def test_darwins_plants_have_their_published_p() -> None:
    """Fisher 1935, The Design of Experiments, section 21: 1726 of 32768 sums are as large as that of the 15 pairs."""
    heights = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
    assert sign_flip_p(heights) == pytest.approx(1726 / 32768)


def test_holm_multiplies_by_what_is_left() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def test_columns_that_differ_in_every_row_are_told_from_noise() -> None:
    columns = np.arange(5.0)
    assert spread_p(np.tile(columns, (4, 1))) < 0.001
    assert spread_p(np.stack([columns, columns[::-1]])) > 0.9


def test_the_interval_of_a_paired_difference_holds_it() -> None:
    low, high = paired_interval(10, 10, 300)
    assert low == pytest.approx(-high)
    assert 0.02 < high < 0.04
    low, high = paired_interval(30, 5, 300)
    assert 0 < low < 25 / 300 < high
