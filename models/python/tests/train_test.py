"""Training runs: repeatable, resumable, and refused where they cannot go on."""

import dataclasses
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from omp_models.config import TrainConfig
from omp_models.ema import WeightAverage
from omp_models.errors import OmpModelsError
from omp_models.interrupt import Interrupt
from omp_models.train import Batches, learning_rate, train

Weights = dict[str, torch.Tensor]


class StopAfter(Interrupt):
    """Asks to stop when it has been polled `steps` times."""

    def __init__(self, steps: int):
        self._left = steps

    @property
    def requested(self) -> bool:
        """Once true, true."""
        self._left -= 1
        return self._left <= 0


def weights_of(policy: Path | None) -> Weights:
    """The averaged weights that a finished run has written."""
    assert policy is not None
    return load_file(policy)


def are_bit_equal(a: Weights, b: Weights) -> bool:
    """Whether both hold the same tensors."""
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def test_equal_seeds_give_equal_weights_and_others_give_others(
    train_config: TrainConfig, dataset: Path, tmp_path: Path
) -> None:
    first = weights_of(train(train_config, dataset, tmp_path / "a").policy)
    again = weights_of(train(train_config, dataset, tmp_path / "b").policy)
    other = weights_of(train(dataclasses.replace(train_config, seed=1), dataset, tmp_path / "c").policy)
    assert are_bit_equal(first, again)
    assert not are_bit_equal(first, other)


@pytest.mark.parametrize("stops", [[1], [3, 4], [9], [10]], ids=str)
def test_an_interrupted_run_ends_as_one_that_was_not(
    train_config: TrainConfig, dataset: Path, tmp_path: Path, stops: list[int]
) -> None:
    whole = weights_of(train(train_config, dataset, tmp_path / "whole").policy)
    run = tmp_path / "parts"
    done = 0
    for stop in stops:
        result = train(train_config, dataset, run, resume=True, interrupt=StopAfter(stop))
        done += stop
        assert (result.step, result.policy) == (done, None)
        assert not (run / "policy.safetensors").exists()
    result = train(train_config, dataset, run, resume=True)
    assert result.step == train_config.steps
    assert are_bit_equal(weights_of(result.policy), whole)


def test_the_policy_is_the_average_and_not_the_last_weights(
    train_config: TrainConfig, dataset: Path, tmp_path: Path
) -> None:
    result = train(train_config, dataset, tmp_path)
    checkpoint = torch.load(result.checkpoint, weights_only=True)
    assert are_bit_equal(weights_of(result.policy), checkpoint["average"])
    assert not are_bit_equal(checkpoint["average"], checkpoint["network"])


def test_without_resume_a_run_begins_again(train_config: TrainConfig, dataset: Path, tmp_path: Path) -> None:
    train(train_config, dataset, tmp_path, interrupt=StopAfter(3))
    assert train(train_config, dataset, tmp_path, interrupt=StopAfter(2)).step == 2


def test_a_checkpoint_of_another_configuration_is_refused(
    train_config: TrainConfig, dataset: Path, tmp_path: Path
) -> None:
    train(train_config, dataset, tmp_path, interrupt=StopAfter(3))
    wider = dataclasses.replace(train_config.policy, encoder_hidden_dim=32)
    for change in ({"learning_rate": 2e-3}, {"steps": 11}, {"policy": wider}):
        config = dataclasses.replace(train_config, **change)
        with pytest.raises(OmpModelsError, match=r"checkpoint\.pt was written with another configuration") as raised:
            train(config, dataset, tmp_path, resume=True)
        assert raised.value.code == "CHECKPOINT_INVALID"
    assert TrainConfig.from_file(tmp_path / "config.json") == train_config


def test_a_checkpoint_of_other_demonstrations_is_refused(
    train_config: TrainConfig, dataset: Path, arrays: dict[str, np.ndarray], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    train(train_config, dataset, run, interrupt=StopAfter(3))
    other = tmp_path / "other.npz"
    np.savez(other, **{**arrays, "action": arrays["action"] + np.float32(0.5)})
    with pytest.raises(OmpModelsError, match=r"checkpoint\.pt was written with other demonstrations") as raised:
        train(train_config, other, run, resume=True)
    assert raised.value.code == "CHECKPOINT_INVALID"


def test_a_damaged_checkpoint_is_named(train_config: TrainConfig, dataset: Path, tmp_path: Path) -> None:
    train(train_config, dataset, tmp_path, interrupt=StopAfter(3))
    checkpoint = tmp_path / "checkpoint.pt"
    checkpoint.write_bytes(checkpoint.read_bytes()[:1000])
    with pytest.raises(OmpModelsError, match=r"checkpoint\.pt") as raised:
        train(train_config, dataset, tmp_path, resume=True)
    assert raised.value.code == "CHECKPOINT_INVALID"


def test_a_run_that_diverges_is_stopped(train_config: TrainConfig, dataset: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(train_config, learning_rate=1e30, warmup_steps=0)
    with pytest.raises(OmpModelsError, match=r"not finite at step \d") as raised:
        train(config, dataset, tmp_path)
    assert raised.value.code == "TRAINING_DIVERGED"
    assert not (tmp_path / "policy.safetensors").exists()


def test_every_epoch_takes_every_window_once_and_a_batch_can_be_had_alone() -> None:
    batches = Batches(windows=20, batch_size=6, seed=5)
    steps = [batches[step].tolist() for step in range(6)]
    epochs = [list(chain(*steps[:3])), list(chain(*steps[3:]))]
    assert all(len(set(epoch)) == 18 for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert Batches(windows=20, batch_size=6, seed=5)[4].tolist() == steps[4]
    assert Batches(windows=20, batch_size=6, seed=6)[4].tolist() != steps[4]


def test_a_batch_is_never_larger_than_the_data() -> None:
    assert sorted(Batches(windows=5, batch_size=8, seed=0)[3].tolist()) == [0, 1, 2, 3, 4]


def test_the_learning_rate_rises_in_a_line_and_falls_in_a_cosine() -> None:
    config = TrainConfig(steps=100, warmup_steps=10, learning_rate=2.0)
    rates = [learning_rate(config, step) for step in (0, 4, 9, 10, 55, 100)]
    assert rates == pytest.approx([0.2, 1.0, 2.0, 2.0, 1.0, 0.0])


def test_the_average_forgets_where_it_began() -> None:
    network = torch.nn.Linear(1, 1, bias=False)
    average = WeightAverage(network, max_decay=0.5)

    def updated(step: int, weight: float) -> float:
        with torch.no_grad():
            network.weight.fill_(weight)
        average.update(network, step)
        return average.network.weight.item()

    assert updated(0, 3.0) == 3.0
    assert updated(1, 5.0) == pytest.approx(3.0 + 2.0 * 2**-0.75)
    before = average.network.weight.item()
    assert updated(1000, 1.0) == pytest.approx((before + 1.0) / 2)
