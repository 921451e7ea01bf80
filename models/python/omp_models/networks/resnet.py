"""ResNet-18 (arXiv 1512.03385) with GroupNorm in place of BatchNorm, which an averaged network needs."""

from torch import Tensor, nn

CHANNELS_PER_GROUP = 16


def _norm(channels: int) -> nn.GroupNorm:
    return nn.GroupNorm(channels // CHANNELS_PER_GROUP, channels)


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions and a residual connection; the first convolution has the stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int):
        super().__init__()
        self.branch = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False),
            _norm(out_channels),
            nn.ReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            _norm(out_channels),
        )
        same = stride == 1 and in_channels == out_channels
        projection = nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), _norm(out_channels))
        self.shortcut = nn.Identity() if same else projection

    def forward(self, x: Tensor) -> Tensor:
        """[B, in, H, W] to [B, out, H / stride, W / stride]."""
        return (self.branch(x) + self.shortcut(x)).relu()


class ResNet18(nn.Sequential):
    """Images [B, C, H, W] to [B, 512], the mean over the last feature map."""

    FEATURES = 512

    def __init__(self, channels: int):
        levels = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
        blocks = [block for i, o, stride in levels for block in (BasicBlock(i, o, stride), BasicBlock(o, o, 1))]
        super().__init__(
            nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False),
            _norm(64),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
