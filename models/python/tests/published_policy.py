"""The published point-cloud policy as data and plain functions: names and shapes of its weights, and what they compute.

Written from the description of the architecture, one function call a layer, so that it shares nothing with ours.
"""

import itertools
import math

import torch
import torch.nn.functional as F

TIME_DIM = 128
POINT_DIMS = (3, 64, 128, 256)
FEATURES = 64


def shapes(down_dims: tuple[int, ...], action_dim: int, state_dim: int, steps: int, two_times: bool) -> dict:
    """Shape of every weight by its published name."""
    sizes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, *shape: int, bias: int | None = None) -> None:
        sizes[f"{name}.weight"] = shape
        sizes[f"{name}.bias"] = (shape[0] if bias is None else bias,)

    def block(name: str, i: int, o: int) -> None:
        conditioning = TIME_DIM + steps * 2 * FEATURES
        for index, channels in ((0, i), (1, o)):
            layer(f"{name}.blocks.{index}.block.0", o, channels, 5)
            layer(f"{name}.blocks.{index}.block.1", o)
        layer(f"{name}.cond_encoder.1", 2 * o, conditioning)
        if i != o:
            layer(f"{name}.residual_conv", o, i, 1)

    for index, (i, o) in enumerate(itertools.pairwise(POINT_DIMS)):
        layer(f"obs_encoder.extractor.mlp.{3 * index}", o, i)
        layer(f"obs_encoder.extractor.mlp.{3 * index + 1}", o)
    layer("obs_encoder.extractor.final_projection.0", FEATURES, POINT_DIMS[-1])
    layer("obs_encoder.extractor.final_projection.1", FEATURES)
    layer("obs_encoder.state_mlp.0", 64, state_dim)
    layer("obs_encoder.state_mlp.2", FEATURES, 64)
    for name in ("diffusion_step_encoder", "diffusion_step_encoder_rs")[: 1 + two_times]:
        layer(f"model.{name}.1", 4 * TIME_DIM, TIME_DIM)
        layer(f"model.{name}.3", TIME_DIM, 4 * TIME_DIM)
    dims = (action_dim, *down_dims)
    for level, (i, o) in enumerate(itertools.pairwise(dims)):
        block(f"model.down_modules.{level}.0", i, o)
        block(f"model.down_modules.{level}.1", o, o)
        if level < len(down_dims) - 1:
            layer(f"model.down_modules.{level}.2.conv", o, o, 3)
    for index in (0, 1):
        block(f"model.mid_modules.{index}", down_dims[-1], down_dims[-1])
    for index, (i, o) in enumerate(reversed(list(itertools.pairwise(down_dims)))):
        block(f"model.up_modules.{index}.0", 2 * o, i)
        block(f"model.up_modules.{index}.1", i, i)
        layer(f"model.up_modules.{index}.2.conv", i, i, 4)
    layer("model.final_conv.0.block.0", down_dims[0], down_dims[0], 5)
    layer("model.final_conv.0.block.1", down_dims[0])
    layer("model.final_conv.1", action_dim, down_dims[0], 1)
    return sizes


class PublishedPolicy:
    """Computes with a dictionary of weights."""

    def __init__(self, weights: dict[str, torch.Tensor]):
        self._weights = weights

    def normalize(self, key: str, value: torch.Tensor) -> torch.Tensor:
        """Physical to network units."""
        prefix = f"normalizer.params_dict.{key}"
        return value * self._weights[f"{prefix}.scale"] + self._weights[f"{prefix}.offset"]

    def actions(self, normalized: torch.Tensor) -> torch.Tensor:
        """Network to physical units."""
        prefix = "normalizer.params_dict.action"
        return (normalized - self._weights[f"{prefix}.offset"]) / self._weights[f"{prefix}.scale"]

    def features(self, clouds: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        """[B, To, N, 6] and [B, To, D] in physical units to [B, To * 128]."""
        clouds = self.normalize("point_cloud", clouds)[..., :3]
        states = self.normalize("agent_pos", states)
        steps = []
        for step in range(clouds.shape[1]):
            x = clouds[:, step]
            for index in (0, 3, 6):
                x = self._linear(x, f"obs_encoder.extractor.mlp.{index}")
                x = F.relu(self._layer_norm(x, f"obs_encoder.extractor.mlp.{index + 1}"))
            x = self._linear(x.max(dim=1).values, "obs_encoder.extractor.final_projection.0")
            x = self._layer_norm(x, "obs_encoder.extractor.final_projection.1")
            s = F.relu(self._linear(states[:, step], "obs_encoder.state_mlp.0"))
            steps += [x, self._linear(s, "obs_encoder.state_mlp.2")]
        return torch.cat(steps, dim=1)

    def output(self, z: torch.Tensor, times: dict[str, float], features: torch.Tensor) -> torch.Tensor:
        """The U-Net's output for `z` [B, H, A]; `times` by the name of their encoder."""
        embedding = sum(self._embed(name, time) for name, time in times.items())
        conditioning = F.mish(torch.cat([embedding.expand(len(z), -1), features], dim=1))
        x, kept = z.transpose(1, 2), []
        levels = sum(key.endswith(".1.blocks.0.block.0.bias") for key in self._weights if "down_modules" in key)
        for level in range(levels):
            for index in (0, 1):
                x = self._block(x, f"model.down_modules.{level}.{index}", conditioning)
            kept.append(x)
            if level < levels - 1:
                x = F.conv1d(x, *self._pair(f"model.down_modules.{level}.2.conv"), stride=2, padding=1)
        for index in (0, 1):
            x = self._block(x, f"model.mid_modules.{index}", conditioning)
        for level in range(levels - 1):
            x = torch.cat([x, kept.pop()], dim=1)
            for index in (0, 1):
                x = self._block(x, f"model.up_modules.{level}.{index}", conditioning)
            x = F.conv_transpose1d(x, *self._pair(f"model.up_modules.{level}.2.conv"), stride=2, padding=1)
        x = self._convolve(x, "model.final_conv.0.block")
        return F.conv1d(x, *self._pair("model.final_conv.1")).transpose(1, 2)

    def _pair(self, name: str) -> tuple[torch.Tensor, torch.Tensor]:
        return self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]

    def _linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.linear(x, *self._pair(name))

    def _layer_norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], *self._pair(name))

    def _convolve(self, x: torch.Tensor, name: str) -> torch.Tensor:
        x = F.conv1d(x, *self._pair(f"{name}.0"), padding=2)
        return F.mish(F.group_norm(x, 8, *self._pair(f"{name}.1")))

    def _block(self, x: torch.Tensor, name: str, conditioning: torch.Tensor) -> torch.Tensor:
        channels = len(self._weights[f"{name}.blocks.0.block.0.bias"])
        film = self._linear(conditioning, f"{name}.cond_encoder.1")
        scale, bias = film[:, :channels, None], film[:, channels:, None]
        y = self._convolve(x, f"{name}.blocks.0.block") * scale + bias
        y = self._convolve(y, f"{name}.blocks.1.block")
        if f"{name}.residual_conv.weight" in self._weights:
            x = F.conv1d(x, *self._pair(f"{name}.residual_conv"))
        return y + x

    def _embed(self, name: str, time: float) -> torch.Tensor:
        half = TIME_DIM // 2
        phases = [time * math.exp(-math.log(10_000) * i / (half - 1)) for i in range(half)]
        x = torch.tensor([math.sin(phase) for phase in phases] + [math.cos(phase) for phase in phases])
        x = F.mish(self._linear(x[None], f"model.{name}.1"))
        return self._linear(x, f"model.{name}.3")
