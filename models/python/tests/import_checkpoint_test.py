"""A checkpoint of the published DP3 or MP1 code answers here as it answers there."""

import dataclasses
import json
import math
from pathlib import Path

import pytest
import torch
from published_policy import PublishedPolicy, shapes

from omp_models.__main__ import main
from omp_models.config import PolicyConfig
from omp_models.errors import OmpModelsError
from omp_models.import_checkpoint import import_checkpoint
from omp_models.policy import load_policy

ACTIONS, STATE, POINTS, STEPS, HORIZON = 4, 9, 32, 2, 4
DIMS = (16, 32, 64)


class Intruder:
    """Something that runs code where it is unpickled by the book."""

    def __init__(self, mark: Path):
        self._mark = mark

    def __reduce__(self):
        return Path.touch, (self._mark,)


def weights_of(method: str) -> dict[str, torch.Tensor]:
    """Random weights and a normaliser under the published names."""
    generator = torch.Generator().manual_seed(0)
    sizes = shapes(DIMS, ACTIONS, STATE, STEPS, two_times=method == "mp1")
    weights = {
        name: (1.0 if name.endswith(".block.1.weight") else 0.0)
        + 0.5 * torch.randn(shape, generator=generator) / math.sqrt(math.prod(shape[1:]) or 1)
        for name, shape in sizes.items()
    }
    for key, dim in (("point_cloud", 6), ("agent_pos", STATE), ("action", ACTIONS)):
        low = -1 - torch.rand(dim, generator=generator)
        high = low + 1 + torch.rand(dim, generator=generator)
        high[-1] = low[-1]  # a constant channel
        scale = torch.where(high - low < 1e-4, 1.0, 2 / (high - low).clamp_min(1e-4))
        offset = torch.where(high - low < 1e-4, -low, -1 - scale * low)
        prefix = f"normalizer.params_dict.{key}"
        weights |= {f"{prefix}.scale": scale, f"{prefix}.offset": offset}
        weights |= {f"{prefix}.input_stats.min": low, f"{prefix}.input_stats.max": high}
    if method == "mp1":
        weights |= {f"model.var_est.{i}.{end}": torch.zeros(1) for i in (0, 2, 4, 6) for end in ("weight", "bias")}
    return weights


def save(path: Path, weights: dict[str, torch.Tensor]) -> Path:
    """A checkpoint as their workspace writes it, with objects beside the weights."""
    state_dicts = {
        "model": {key: torch.zeros_like(value) for key, value in weights.items()},
        "ema_model": weights,
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-4, "params": [0]}]},
    }
    payload = {"cfg": Intruder(path.with_name("intruded")), "state_dicts": state_dicts, "pickles": {"epoch": b"\x80"}}
    torch.save(payload, path)
    return path


def config_of(method: str, **changes) -> PolicyConfig:
    values = {
        "observation_shapes": {"observation.point_cloud": (POINTS, 3), "observation.state": (STATE,)},
        "action_dim": ACTIONS,
        "horizon": HORIZON,
        "n_action_steps": 3,
        "lead_steps": 0,
        "objective": method,
        "prediction": "velocity" if method == "mp1" else "actions",
        "down_dims": DIMS,
        "encoder_hidden_dim": 64,
    }
    return PolicyConfig(**{**values, **changes})


def diffuse(policy: PublishedPolicy, noise: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Ten DDIM steps over a squared-cosine schedule of 100, in terms of betas and predicted noise."""

    def bar(u: float) -> float:
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = torch.tensor([min(1 - bar((i + 1) / 100) / bar(i / 100), 0.999) for i in range(100)], dtype=torch.float64)
    alphas = torch.cumprod(1 - betas, 0).tolist()
    z = noise
    for step in range(90, -1, -10):
        alpha, after = alphas[step], alphas[step - 10] if step else 1.0
        x = policy.output(z, {"diffusion_step_encoder": step}, features)
        epsilon = (z - alpha**0.5 * x) / (1 - alpha) ** 0.5
        z = after**0.5 * x.clamp(-1, 1) + (1 - after) ** 0.5 * epsilon
    return z


@pytest.mark.parametrize("method", ["mp1", "dp3"])
def test_an_imported_policy_answers_as_the_published_one(tmp_path, method):
    weights = weights_of(method)
    imported = import_checkpoint(save(tmp_path / "latest.ckpt", weights), config_of(method))

    torch.manual_seed(1)
    clouds, states = torch.rand(5, STEPS, POINTS, 6) - 1, torch.rand(5, STEPS, STATE) - 1
    noise = torch.randn(5, HORIZON, ACTIONS)
    published = PublishedPolicy(weights)
    features = published.features(clouds, states)
    if method == "mp1":
        times = {"diffusion_step_encoder": 1.0, "diffusion_step_encoder_rs": 0.0}
        expected = published.actions(noise - published.output(noise, times, features))
    else:
        expected = published.actions(diffuse(published, noise, features))

    observation = {"observation.point_cloud": clouds[..., :3], "observation.state": states}
    torch.testing.assert_close(imported(observation, noise), expected, atol=2e-5, rtol=1e-4)
    assert expected.std() > 0.1
    assert imported.nfe == (1 if method == "mp1" else 10)


def test_the_names_and_shapes_of_this_test_are_the_published_ones():
    """They add up to the 255.2181 M parameters that DP3 prints for the Adroit hammer."""
    published = shapes((512, 1024, 2048), action_dim=26, state_dim=24, steps=2, two_times=False)
    assert round(sum(math.prod(shape) for shape in published.values()) / 1e6, 4) == 255.2181


def test_the_command_makes_a_finished_run(tmp_path):
    checkpoint = save(tmp_path / "latest.ckpt", weights_of("mp1"))
    joint = {"kind": "prismatic", "min_position": -1, "max_position": 1, "max_velocity": 1, "max_acceleration": 1}
    observed = {"unit": "m", "rate_hz": 20, "max_age_ms": 100}
    recipe = {
        "bundle_id": "imported",
        "bundle_version": "1.0.0",
        "command": "omp import-checkpoint",
        "observations": [
            {"key": "observation.point_cloud", "names": ["x", "y", "z"], **observed},
            {"key": "observation.state", "names": [f"s{i}" for i in range(STATE)], **observed},
        ],
        "joints": [{"name": f"a{i}", **joint} for i in range(ACTIONS)],
        "train": {"policy": dataclasses.asdict(config_of("mp1"))},
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    arguments = ["--config", tmp_path / "recipe.json", "--checkpoint", checkpoint, "--out", tmp_path / "run"]
    assert main(["import-checkpoint", *map(str, arguments)]) == 0
    assert load_policy(tmp_path / "run" / "policy.safetensors").config == config_of("mp1")
    assert (tmp_path / "run" / "recipe.json").is_file()


def test_nothing_in_the_file_is_executed(tmp_path):
    path = save(tmp_path / "latest.ckpt", weights_of("dp3"))
    import_checkpoint(path, config_of("dp3"))
    assert not (tmp_path / "intruded").exists()
    torch.load(path, weights_only=False)
    assert (tmp_path / "intruded").exists(), "the file would have run code"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"down_dims": (16, 32)}, r"down_modules\.0\.2\.conv|mid_modules"),
        ({"action_dim": 5}, "recipe's policy describes another network"),
        ({"observation_shapes": {"observation.state": (9,)}}, "one cloud"),
        ({"prediction": "actions"}, "mp1 with prediction velocity can be imported"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path, changes, message):
    path = save(tmp_path / "latest.ckpt", weights_of("mp1"))
    with pytest.raises(OmpModelsError, match=message):
        import_checkpoint(path, config_of("mp1", **changes))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalizer.params_dict.action.scale": torch.ones(ACTIONS)}, "action is not normalised"),
        ({"model.local_cond_encoder.0.blocks.0.block.0.bias": torch.ones(1)}, "local_cond_encoder"),
    ],
)
def test_another_architecture_is_refused(tmp_path, change, message):
    path = save(tmp_path / "latest.ckpt", {**weights_of("mp1"), **change})
    with pytest.raises(OmpModelsError, match=message) as failure:
        import_checkpoint(path, config_of("mp1"))
    assert failure.value.code == "CHECKPOINT_INVALID"


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    torch.save({"weights": torch.ones(1)}, tmp_path / "other.ckpt")
    for name in ("text.ckpt", "other.ckpt", "nothing.ckpt"):
        with pytest.raises(OmpModelsError) as failure:
            import_checkpoint(tmp_path / name, config_of("mp1"))
        assert failure.value.code == "CHECKPOINT_INVALID"
