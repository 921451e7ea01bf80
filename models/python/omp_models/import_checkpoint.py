"""Policies that the published code of DP3 and MP1 trained, as policies of this package.

Their U-Net, encoder and normaliser are ours under other names (`published_name`); a recipe says what the checkpoint
does not: horizon, control period and which keys are observed. DP3 has one time embedding, MP1 a second one for r.
"""

import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .checkpoint_reader import read_state_dicts
from .config import PolicyConfig
from .dataset import ACTION_KEY
from .errors import OmpModelsError
from .normalize import MinMaxStats, Normalizer
from .policy import Policy

METHODS = {"dp3": "actions", "mp1": "velocity"}
"""Objectives that can be imported, and what the network of each predicts."""

_NAMES = (
    (r"^encoder\.visuals\.0\.points\.", "obs_encoder.extractor.mlp."),
    (r"^encoder\.visuals\.0\.projection\.", "obs_encoder.extractor.final_projection."),
    (r"^encoder\.state\.", "obs_encoder.state_mlp."),
    (r"^embed_t\.", "model.diffusion_step_encoder."),
    (r"^embed_r\.", "model.diffusion_step_encoder_rs."),
    (r"^trunk\.(down|up)sample\.(\d+)\.", r"model.\1_modules.\2.2.conv."),
    (r"^trunk\.(down|up)\.", r"model.\1_modules."),
    (r"^trunk\.middle\.", "model.mid_modules."),
    (r"^trunk\.final\.0\.", "model.final_conv.0.block."),
    (r"^trunk\.final\.1\.", "model.final_conv.1."),
    (r"\.first\.", ".blocks.0.block."),
    (r"\.second\.", ".blocks.1.block."),
    (r"\.film\.", ".cond_encoder.1."),
    (r"\.residual\.", ".residual_conv."),
)
_UNUSED = re.compile(r"^(normalizer|mask_generator|model\.var_est)\.|^_dummy_variable$|\.mask_generator\.")
_NORMALIZER = "normalizer.params_dict"


def published_name(name: str) -> str:
    """The name of one of our network's weights in a DP3 or MP1 checkpoint."""
    for pattern, replacement in _NAMES:
        name = re.sub(pattern, replacement, name)
    return name


def import_checkpoint(path: Path, config: PolicyConfig) -> Policy:
    """Reads the averaged weights, or the plain ones where there are no others, and the normaliser.

    `config` must fit: objective `dp3` or `mp1` with its prediction, one cloud (N, 3) and one vector observed, and the
    published network. Raises CONFIG_INVALID or CHECKPOINT_INVALID and names what does not fit.
    """
    cloud_key, state_key = _observed_keys(config)
    state_dicts = read_state_dicts(path)
    state = state_dicts.get("ema_model") or state_dicts.get("model")
    if not state:
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path} holds neither `ema_model` nor `model`")
    stats = {
        cloud_key: _stats(path, state, "point_cloud", channels=3),
        state_key: _stats(path, state, "agent_pos"),
        ACTION_KEY: _stats(path, state, "action"),
    }
    policy = Policy(config, stats)
    wanted = policy.network.state_dict()
    names = {name: published_name(name) for name in wanted}
    for name, theirs in names.items():
        found = list(state[theirs].shape) if theirs in state else "missing"
        if found != list(wanted[name].shape):
            raise OmpModelsError(
                "CHECKPOINT_INVALID",
                f"{path}: {theirs} is {found}, {list(wanted[name].shape)} is expected; "
                "the recipe's policy describes another network",
            )
    unknown = [key for key in state if key not in set(names.values()) and not _UNUSED.search(key)]
    if unknown:
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path}: {unknown[0]} belongs to no network that is known here")
    policy.network.load_state_dict({name: state[theirs].float() for name, theirs in names.items()})
    return policy.eval().requires_grad_(False)


def _observed_keys(config: PolicyConfig) -> tuple[str, str]:
    """The cloud's and the vector's key."""
    shapes = config.observation_shapes
    clouds = [key for key, shape in shapes.items() if len(shape) == 2 and shape[1] == 3]
    vectors = [key for key, shape in shapes.items() if len(shape) == 1]
    if len(shapes) != 2 or len(clouds) != 1 or len(vectors) != 1:
        raise OmpModelsError("CONFIG_INVALID", f"one cloud (N, 3) and one vector are expected; the recipe has {shapes}")
    if METHODS.get(config.objective) != config.prediction:
        known = " or ".join(f"{objective} with prediction {prediction}" for objective, prediction in METHODS.items())
        observed = f"{config.objective} with prediction {config.prediction}"
        raise OmpModelsError("CONFIG_INVALID", f"{known} can be imported; the recipe has {observed}")
    return clouds[0], vectors[0]


def _stats(path: Path, state: dict[str, Tensor], key: str, channels: int | None = None) -> MinMaxStats:
    """Range of one key; its first `channels` where the rest, a cloud's colours, is not used."""
    try:
        entries = {
            name: state[f"{_NORMALIZER}.{key}.{name}"].float().reshape(-1)[:channels]
            for name in ("scale", "offset", "input_stats.min", "input_stats.max")
        }
    except KeyError as error:
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path} has no {error}; it holds no normaliser of {key}") from error
    low, high = (np.asarray(entries[f"input_stats.{end}"]) for end in ("min", "max"))
    stats = MinMaxStats(low, high)
    ours = Normalizer(stats)
    if not (
        torch.allclose(ours.scale, entries["scale"], rtol=1e-4)
        and torch.allclose(ours.offset, entries["offset"], rtol=1e-4, atol=1e-4)
    ):
        raise OmpModelsError("CHECKPOINT_INVALID", f"{path}: {key} is not normalised from its range to [-1, 1]")
    return stats
