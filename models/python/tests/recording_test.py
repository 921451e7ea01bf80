"""Training runs: what a resumed run repeats, what is recorded, and that every kind of observation can be learned."""

from pathlib import Path

import numpy as np
import pytest
import torch

from omp_models.__main__ import main
from omp_models.config import OBJECTIVES, PolicyConfig, TrainConfig
from omp_models.errors import OmpModelsError
from omp_models.interrupt import Interrupt
from omp_models.policy import load_policy
from omp_models.rollouts import Rollouts
from omp_models.train import train

SHAPES = {"observation.image": (3, 16, 16), "observation.point_cloud": (8, 3), "observation.state": (5,)}


def tiny(shapes=None, steps=24, **training) -> TrainConfig:
    names = ("objective", "prediction")
    policy = PolicyConfig(
        observation_shapes=shapes or {"observation.state": (5,)},
        action_dim=2,
        horizon=4,
        n_action_steps=2,
        down_dims=(16, 32),
        time_embedding_dim=16,
        encoder_feature_dim=8,
        **{name: training.pop(name) for name in names if name in training},
    )
    return TrainConfig(policy=policy, steps=steps, batch_size=16, warmup_steps=5, log_every=4, **training)


def write_demonstrations(path: Path, config: TrainConfig) -> Path:
    random = np.random.default_rng(0)
    shapes = {**config.policy.observation_shapes, "action": (config.policy.action_dim,)}
    arrays = {key: random.standard_normal((30, *shape), dtype=np.float32) for key, shape in shapes.items()}
    np.savez(path, episode_ends=[12, 30], dt_ms=config.policy.dt_ms, **arrays)
    return path


def interrupted_at(step: int) -> Interrupt:
    """An interrupt that is requested while step `step` is under way."""

    class After(Interrupt):
        asked = 0

        @property
        def requested(self) -> bool:
            self.asked += 1
            return self.asked >= step

        @requested.setter
        def requested(self, value: bool) -> None:
            pass

    return After()


def rollouts_of(run: Path, outcomes: dict[int, int]):
    """Early rollouts every 8 steps whose successes are given by the step."""

    def open_rollouts(step: int) -> Rollouts:
        steps = iter(sorted(s for s in outcomes if s > step))
        return Rollouts(8, 10, lambda policy: outcomes[next(steps)], run, step)

    return open_rollouts


def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path):
    config = tiny(checkpoint_every=10)
    data = write_demonstrations(tmp_path / "data.npz", config)
    outcomes = {8: 3, 16: 7, 24: 7}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(config, data, whole, open_rollouts=rollouts_of(whole, outcomes))

    stopped = train(config, data, parts, True, interrupted_at(13), open_rollouts=rollouts_of(parts, outcomes))
    assert (stopped.step, stopped.policy) == (13, None)
    resumed = train(config, data, parts, True, open_rollouts=rollouts_of(parts, outcomes))
    assert resumed.policy is not None
    for file in ("policy.safetensors", "best.safetensors", "curves.csv", "rollouts.csv"):
        assert (whole / file).read_bytes() == (parts / file).read_bytes(), file


def test_what_was_recorded_after_the_checkpoint_comes_again(tmp_path):
    config = tiny(checkpoint_every=10)
    data = write_demonstrations(tmp_path / "data.npz", config)
    whole, crashed = tmp_path / "whole", tmp_path / "crashed"
    train(config, data, whole)
    train(config, data, crashed, True, interrupted_at(10))
    complete = (whole / "curves.csv").read_text()
    (crashed / "curves.csv").write_text(complete)
    train(config, data, crashed, True)
    assert (crashed / "curves.csv").read_text() == complete


def test_curves_and_rollouts_are_recorded_with_the_best_policy(tmp_path):
    config = tiny()
    data = write_demonstrations(tmp_path / "data.npz", config)
    train(config, data, tmp_path, open_rollouts=rollouts_of(tmp_path, {8: 3, 16: 7, 24: 7}))
    curves = (tmp_path / "curves.csv").read_text().splitlines()
    assert curves[0] == "step,mse,directional,dispersive,gradient_norm,learning_rate"
    assert [int(row.split(",")[0]) for row in curves[1:]] == [4, 8, 12, 16, 20, 24]
    assert (tmp_path / "rollouts.csv").read_text() == "step,successes,episodes\n8,3,10\n16,7,10\n24,7,10\n"
    best, last = load_policy(tmp_path / "best.safetensors"), load_policy(tmp_path / "policy.safetensors")
    assert not torch.equal(best.network.embed_t[1].weight, last.network.embed_t[1].weight), "step 16 is the best"


def test_the_push_world_is_played_while_training(tmp_path):
    """The whole command, with a policy that has learned nothing yet."""
    recipe = ["--config", str(Path(__file__).parents[1] / "configs" / "so101-push.json")]
    for change in ("demonstrations.episodes=1", "train.steps=4", "train.policy.down_dims=[16, 32]", "rollouts.every=2"):
        recipe += ["--set", change]
    recipe += ["--set", "rollouts.episodes=1"]
    data, run = str(tmp_path / "demonstrations.npz"), tmp_path / "run"
    assert main(["collect", *recipe, "--out", data]) == 0
    assert main(["train", *recipe, "--data", data, "--out", str(run)]) == 0
    assert (run / "rollouts.csv").read_text() == "step,successes,episodes\n2,0,1\n4,0,1\n"
    assert load_policy(run / "best.safetensors").nfe == 1


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_learns_from_images_clouds_and_vectors(tmp_path, objective):
    config = tiny(SHAPES, steps=2, objective=objective)
    train(config, write_demonstrations(tmp_path / "data.npz", config), tmp_path)
    policy = load_policy(tmp_path / "policy.safetensors")
    observation = {key: torch.randn(1, 2, *shape) for key, shape in SHAPES.items()}
    noise = torch.randn(1, 4, 2)
    assert policy(observation, noise).shape == (1, 4, 2)
    assert torch.equal(policy(observation, noise), policy(observation, noise))


@pytest.mark.parametrize("derivative", ["dde", "jvp"])
def test_mixed_precision_trains(tmp_path, derivative):
    config = tiny(steps=4, precision="bf16", derivative=derivative)
    result = train(config, write_demonstrations(tmp_path / "data.npz", config), tmp_path)
    weights = load_policy(result.policy).network.state_dict().values()
    assert all(value.dtype == torch.float32 and value.isfinite().all() for value in weights)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_device_is_told(tmp_path):
    config = tiny(steps=1)
    with pytest.raises(OmpModelsError, match="--device cpu"):
        train(config, write_demonstrations(tmp_path / "data.npz", config), tmp_path, device="cuda")
