"""A sweep trains and judges every combination once."""

import csv
import json
from pathlib import Path

import pytest

from omp_models.__main__ import main
from omp_models.errors import OmpModelsError
from omp_models.sweep import combinations, run_name

PUSH = Path(__file__).parents[1] / "configs" / "so101-push.json"


def test_every_combination_is_made_once():
    chosen = combinations(["train.lambda_directional=0.1,0.5", "train.seed=0,1"])
    assert [run_name(one) for one in chosen] == [
        "lambda_directional=0.1,seed=0",
        "lambda_directional=0.1,seed=1",
        "lambda_directional=0.5,seed=0",
        "lambda_directional=0.5,seed=1",
    ]


@pytest.mark.parametrize("variations", [["train.seed"], ["=1"], ["train.seed="], ["train.seed=1", "train.seed=2"]])
def test_a_wrong_variation_is_named(variations):
    with pytest.raises(OmpModelsError, match="each key once"):
        combinations(variations)


def test_a_sweep_fills_its_table_and_goes_on(tmp_path, capsys):
    data, out = tmp_path / "demonstrations.npz", tmp_path / "sweep"
    recipe = ["--config", str(PUSH)]
    for change in (
        "demonstrations.episodes=1",
        "evaluation.episodes=1",
        "train.steps=2",
        "train.policy.down_dims=[16, 32]",
    ):
        recipe += ["--set", change]
    assert main(["collect", *recipe, "--out", str(data)]) == 0
    sweep = ["sweep", *recipe, "--data", str(data), "--out", str(out), "--vary"]
    assert main([*sweep, "train.lambda_directional=0.1"]) == 0
    capsys.readouterr()
    assert main([*sweep, "train.lambda_directional=0.1,0.5"]) == 0

    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[-1] == {"event": "result", "command": "sweep", "table": str(out / "sweep.csv"), "runs": 2}
    trained = [event["message"] for event in events if event["event"] == "log" and "parameters" in event["message"]]
    assert len(trained) == 1, "the first run is not done again"
    with (out / "sweep.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["train.lambda_directional", "successes", "episodes", "hardware", "commit"]
    assert [(row[0], row[2]) for row in rows[1:]] == [("0.1", "1"), ("0.5", "1")]
    assert main([*sweep, "train.seed=1"]) == 1, "another sweep needs another directory"
