"""The U-Net trunk for one horizon, on rows."""

import torch
from torch import Tensor, nn

from ..networks.unet import ConvBlock, ResidualBlock, Trunk
from .layers import RowConvolution, RowGroupNorm, RowTransposedConvolution, SigmoidMish


class RowConvBlock(nn.Sequential):
    """`ConvBlock` at one length; [T, in] to [T, out]."""

    def __init__(self, block: ConvBlock, length: int):
        convolution, norm, _ = block
        super().__init__(RowConvolution(convolution, length), RowGroupNorm(norm, length), SigmoidMish())


class RowResidualBlock(nn.Module):
    """`ResidualBlock` at one length; its FiLM layer is elsewhere."""

    def __init__(self, block: ResidualBlock, length: int):
        super().__init__()
        self.first = RowConvBlock(block.first, length)
        self.second = RowConvBlock(block.second, length)
        residual = block.residual
        self.residual = RowConvolution(residual, length) if isinstance(residual, nn.Conv1d) else nn.Identity()

    def forward(self, x: Tensor, film: Tensor) -> Tensor:
        """[T, in] to [T, out]; `film` [1, 2 * out] holds the scales, then the biases."""
        scale, bias = film.chunk(2, dim=-1)
        return self.second(self.first(x) * scale + bias) + self.residual(x)


class RowTrunk(nn.Module):
    """`Trunk` at one horizon: the same values from at most as many weights."""

    def __init__(self, trunk: Trunk, horizon: int):
        super().__init__()
        lengths = [horizon >> level for level in range(len(trunk.down))]

        def pair(blocks: nn.ModuleList, length: int) -> nn.ModuleList:
            return nn.ModuleList(RowResidualBlock(block, length) for block in blocks)

        self.down = nn.ModuleList(pair(blocks, length) for blocks, length in zip(trunk.down, lengths, strict=True))
        self.downsample = nn.ModuleList(map(RowConvolution, trunk.downsample, lengths[:-1]))
        self.middle = pair(trunk.middle, lengths[-1])
        rising = lengths[:0:-1]
        self.up = nn.ModuleList(pair(blocks, length) for blocks, length in zip(trunk.up, rising, strict=True))
        self.upsample = nn.ModuleList(map(RowTransposedConvolution, trunk.upsample, rising))
        block, last = trunk.final
        self.final = nn.Sequential(RowConvBlock(block, horizon), RowConvolution(last, horizon))

    def forward(self, z: Tensor, films: list[Tensor]) -> Tensor:
        """[H, A] from `z` [H, A]; `films` in the order of `Trunk.blocks`."""
        film = iter(films)
        x = z
        skips = []
        for level, blocks in enumerate(self.down):
            for block in blocks:
                x = block(x, next(film))
            skips.append(x)
            if level < len(self.downsample):
                x = self.downsample[level](x)
        for block in self.middle:
            x = block(x, next(film))
        for blocks, upsample in zip(self.up, self.upsample, strict=True):
            x = torch.cat([x, skips.pop()], dim=-1)
            for block in blocks:
                x = block(x, next(film))
            x = upsample(x)
        return self.final(x)
