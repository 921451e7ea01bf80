"""What the tests share: the smallest policy that has every part, demonstrations for it, and its recipe."""

from pathlib import Path

import numpy as np
import pytest
import torch

from omp_models.config import PolicyConfig, TrainConfig
from omp_models.recipe import ObservationSpec, Recipe

EPISODE_ENDS = (12, 21, 36)

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def policy_config() -> PolicyConfig:
    """Three observed values, two joints, chunks of 8 rows of which 4 are executed."""
    return PolicyConfig(
        observation_shapes={"observation.state": (2,), "observation.environment_state": (1,)},
        action_dim=2,
        horizon=8,
        n_action_steps=4,
        down_dims=(16, 32),
        time_embedding_dim=16,
        encoder_hidden_dim=16,
        encoder_feature_dim=8,
    )


@pytest.fixture
def train_config(policy_config: PolicyConfig) -> TrainConfig:
    """Two epochs and a half of the demonstrations."""
    return TrainConfig(policy=policy_config, steps=10, batch_size=8, warmup_steps=2, checkpoint_every=4)


@pytest.fixture
def arrays() -> dict[str, np.ndarray]:
    """A demonstration file's content: three episodes of smooth motion."""
    random = np.random.default_rng(3)
    rows = EPISODE_ENDS[-1]

    def walk(dim: int) -> np.ndarray:
        return np.cumsum(random.standard_normal((rows, dim)) * 0.1, axis=0).astype(np.float32)

    return {
        "observation.state": walk(2),
        "observation.environment_state": walk(1),
        "action": walk(2),
        "episode_ends": np.array(EPISODE_ENDS, np.int64),
        "dt_ms": np.float64(50),
        "seeds": np.arange(3, dtype=np.int64),
    }


@pytest.fixture
def dataset(tmp_path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """`arrays` as a file."""
    path = tmp_path / "demonstrations.npz"
    np.savez(path, **arrays)
    return path


@pytest.fixture
def recipe(train_config: TrainConfig) -> Recipe:
    """A recipe of the tiny policy, for demonstrations from elsewhere."""
    limits = {"min_position": -1.0, "max_position": 1.0, "max_velocity": 3.0, "max_acceleration": 20.0}
    return Recipe(
        bundle_id="tiny",
        bundle_version="1.0.0",
        command="make tiny",
        observations=[
            ObservationSpec("observation.state", "rad", ["pan", "lift"], 20, 100),
            ObservationSpec("observation.environment_state", "m", ["object_x"], 20, 100),
        ],
        joints=[{"name": name, "kind": "revolute", **limits} for name in ("pan", "lift")],
        train=train_config,
    )
