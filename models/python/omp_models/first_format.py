"""Reads what was written before observations had shapes: vectors only, `observation_dims`, the objective `omp`.

Delete this file once no bundle of that format is in use.
"""

from typing import Any

from torch import Tensor


def is_policy(values: dict[str, Any]) -> bool:
    """Whether a policy configuration is of that format."""
    return "observation_dims" in values


def policy(values: dict[str, Any]) -> dict[str, Any]:
    """The policy configuration in today's format."""
    rest = {key: value for key, value in values.items() if key != "observation_dims"}
    return {"observation_shapes": {key: [dim] for key, dim in values["observation_dims"].items()}, **rest}


def training(values: dict[str, Any]) -> dict[str, Any]:
    """The training configuration in today's format; one of today's comes back as it is."""
    if not is_policy(values.get("policy", {})):
        return values
    rest = {key: value for key, value in values.items() if key != "objective"}
    return {**rest, "policy": policy(values["policy"])}


def weights(values: dict[str, Tensor]) -> dict[str, Tensor]:
    """The network's weights under today's names."""
    return {key.replace("encoder.", "encoder.state."): value for key, value in values.items()}
