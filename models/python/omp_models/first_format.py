"""Reads what was written before observations had shapes: vectors only, `observation_dims`, the objective `omp`.

Delete this file once no bundle of that format is in use.
"""

import json
from typing import Any

from torch import Tensor


def is_policy(values: object) -> bool:
    """Whether a policy configuration is of that format."""
    return isinstance(values, dict) and "observation_dims" in values


def policy(values: dict[str, Any]) -> dict[str, Any]:
    """The policy configuration in today's format."""
    rest = {key: value for key, value in values.items() if key != "observation_dims"}
    return {"observation_shapes": {key: [dim] for key, dim in values["observation_dims"].items()}, **rest}


def training(values: dict[str, Any]) -> dict[str, Any]:
    """The training configuration in today's format; one of today's comes back as it is."""
    if not isinstance(values, dict) or not is_policy(values.get("policy")):
        return values
    rest = {key: value for key, value in values.items() if key != "objective"}
    return {**rest, "policy": policy(values["policy"])}


def is_checkpoint(metadata: dict[str, str]) -> bool:
    """Whether the metadata of a policy's file is of that format."""
    return "config" in metadata


def checkpoint(metadata: dict[str, str], weights: dict[str, Tensor]) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and weights of a policy's file in today's format."""
    description = {"config": policy(json.loads(metadata["config"])), "stats": json.loads(metadata["stats"])}
    renamed = {key.replace("encoder.", "encoder.state."): value for key, value in weights.items()}
    return {"policy": json.dumps(description)}, renamed
