"""The figures of specialization hold, and the benchmark runs every graph as often."""

from omp_models.bench_graph import NETWORKS, PUBLISHED, measure_latency, specialized_max_abs_diff, weights_ratio
from omp_models.config import PolicyConfig
from omp_models.interrupt import Interrupt


def test_figures_without_a_clock() -> None:
    assert weights_ratio(PUBLISHED) <= 1 / 3
    assert weights_ratio(NETWORKS["small"]) < 0.5
    assert specialized_max_abs_diff() <= 1e-5


def test_every_graph_runs_as_often() -> None:
    config = PolicyConfig(horizon=4, n_action_steps=2, lead_steps=0, down_dims=(16, 32))
    with Interrupt() as interrupt:
        measured = measure_latency(config, rounds=4, interrupt=interrupt)
    assert {name: len(values) for name, values in measured["samples_us"].items()} == {
        "plain": 4,
        "specialized": 4,
        "int8": 4,
    }
    assert all(value > 0 for values in measured["samples_us"].values() for value in values)
    sizes = measured["megabytes"]
    assert sizes["int8"] < sizes["specialized"] < sizes["plain"]
