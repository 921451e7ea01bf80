"""The difference needs no graph, so it takes less memory than differentiating with one."""

import json

from omp_models.memory import main


def test_the_central_difference_takes_less_memory_than_a_differentiable_jvp(capsys):
    sizes = ["--down-dims", "32", "64", "--horizon", "16", "--batch", "256", "--steps", "1"]
    assert main([*sizes, "--json", "--ways", "jvp_create_graph", "dde"]) == 0
    peaks = json.loads(capsys.readouterr().out)
    assert list(peaks) == ["jvp_create_graph", "dde"]
    assert 0 < peaks["dde"]["above_start_mb"] < 0.85 * peaks["jvp_create_graph"]["above_start_mb"]
