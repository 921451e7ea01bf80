"""The conditional 1-D U-Net over the action chunk.

Architecture of Diffusion Policy, DP3 and MP1 (arXiv 2303.04137, 2403.03954, 2507.10543): convolutions over time with
kernel 5, GroupNorm 8, Mish, FiLM scale and bias between the two convolutions of a block.

The FiLM parameters are inputs of the trunk, so that `specialize` can compute them its own way.
"""

import torch
from torch import Tensor, nn

KERNEL_SIZE = 5
GROUPS = 8


class ConvBlock(nn.Sequential):
    """Convolution over time, GroupNorm, Mish; [B, in, T] to [B, out, T]."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(
            nn.Conv1d(in_channels, out_channels, KERNEL_SIZE, padding=KERNEL_SIZE // 2),
            nn.GroupNorm(GROUPS, out_channels),
            nn.Mish(),
        )


class ResidualBlock(nn.Module):
    """Two convolution blocks with FiLM between them and a residual connection around them."""

    def __init__(self, in_channels: int, out_channels: int, conditioning_dim: int):
        super().__init__()
        self.first = ConvBlock(in_channels, out_channels)
        self.second = ConvBlock(out_channels, out_channels)
        self.film = nn.Linear(conditioning_dim, 2 * out_channels)
        same = in_channels == out_channels
        self.residual = nn.Identity() if same else nn.Conv1d(in_channels, out_channels, 1)

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        """`film` [B, 2 * out] holds the scales, then the biases."""
        scale, bias = film.unsqueeze(-1).chunk(2, dim=1)
        return self.second(self.first(x) * scale + bias) + self.residual(x)


class Trunk(nn.Module):
    """The U-Net without its conditioning: two blocks a level, two in the middle, skip connections level to level."""

    def __init__(self, action_dim: int, down_dims: tuple[int, ...], conditioning_dim: int):
        super().__init__()

        def pair(in_channels: int, out_channels: int) -> nn.ModuleList:
            dims = ((in_channels, out_channels), (out_channels, out_channels))
            return nn.ModuleList(ResidualBlock(i, o, conditioning_dim) for i, o in dims)

        levels = list(zip((action_dim, *down_dims[:-1]), down_dims, strict=True))
        self.down = nn.ModuleList(pair(i, o) for i, o in levels)
        self.downsample = nn.ModuleList(nn.Conv1d(o, o, 3, stride=2, padding=1) for _, o in levels[:-1])
        self.middle = pair(down_dims[-1], down_dims[-1])
        self.up = nn.ModuleList(pair(2 * o, i) for i, o in reversed(levels[1:]))
        self.upsample = nn.ModuleList(nn.ConvTranspose1d(i, i, 4, stride=2, padding=1) for i, _ in reversed(levels[1:]))
        self.final = nn.Sequential(ConvBlock(down_dims[0], down_dims[0]), nn.Conv1d(down_dims[0], action_dim, 1))

    def blocks(self) -> list[ResidualBlock]:
        """Every residual block in the order in which `forward` consumes the FiLM parameters."""
        return [block for group in (*self.down, self.middle, *self.up) for block in group]

    def forward(self, z: Tensor, films: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Actions [B, H, A] that `z` [B, H, A] came from, and the features of every down level but the last."""
        film = iter(films)
        x = z.transpose(1, 2)
        skips = []
        features = []
        for level, blocks in enumerate(self.down):
            for block in blocks:
                x = block(x, next(film))
            skips.append(x)
            if level < len(self.downsample):
                features.append(x)
                x = self.downsample[level](x)
        for block in self.middle:
            x = block(x, next(film))
        for blocks, upsample in zip(self.up, self.upsample, strict=True):
            x = torch.cat([x, skips.pop()], dim=1)
            for block in blocks:
                x = block(x, next(film))
            x = upsample(x)
        return self.final(x).transpose(1, 2), features
