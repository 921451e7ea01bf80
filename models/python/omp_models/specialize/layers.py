"""The layers of the U-Net on rows: a signal is [T, C], one row a step, batch 1 and T fixed.

Every convolution is one matrix product of gathered rows, every GroupNorm a LayerNorm, every Mish a sigmoid. These are
the forms for which ONNX Runtime has fast CPU kernels, in fp32 and in INT8.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from .taps import PADDING, Taps, convolution_taps, transposed_taps


class SigmoidMish(nn.Module):
    """Mish as `x w / (2 - w)`, `w = p (2 - p)`, `p = sigmoid(x)`: equal, and without cancellation for negative x."""

    def forward(self, x: Tensor) -> Tensor:
        """Elementwise."""
        p = torch.sigmoid(x)
        w = p * (2 - p)
        return x * w / (2 - w)


class RowProduct(nn.Module):
    """The rows that the taps name, side by side, times one weight matrix; [T, C] to [positions, O]."""

    index: Tensor
    zeros: Tensor

    def __init__(self, weight: Tensor, bias: Tensor | None, taps: Taps, length: int):
        """`weight` [O, C, live taps], in the order of `taps.kernel`."""
        super().__init__()
        outputs, channels, _ = weight.shape
        self.linear = linear(weight.transpose(1, 2).reshape(outputs, -1), bias)
        self._positions = len(taps.rows)
        self._is_flattening = taps.is_flattening(length)
        self._is_padded = taps.is_padded
        rows = [[length if row == PADDING else row for row in position] for position in taps.rows]
        index = [row for position in rows for row in position]
        self.register_buffer("index", torch.tensor(index, device=weight.device), persistent=False)
        self.register_buffer("zeros", weight.new_zeros(1, channels), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        if self._is_flattening:
            return self.linear(x.reshape(self._positions, -1))
        rows = torch.cat([x, self.zeros]) if self._is_padded else x
        return self.linear(rows.index_select(0, self.index).reshape(self._positions, -1))


class RowConvolution(RowProduct):
    """`Conv1d` at one input length without its dead taps."""

    def __init__(self, convolution: nn.Conv1d, length: int):
        (kernel_size,), (stride,) = convolution.kernel_size, convolution.stride
        taps = convolution_taps(length, kernel_size, stride, int(convolution.padding[0]))
        super().__init__(convolution.weight.detach()[:, :, list(taps.kernel)], convolution.bias, taps, length)


class RowTransposedConvolution(nn.Module):
    """`ConvTranspose1d` at one input length without its dead taps: one product a phase, or one for all of them."""

    def __init__(self, convolution: nn.ConvTranspose1d, length: int):
        super().__init__()
        (kernel_size,), (stride,) = convolution.kernel_size, convolution.stride
        phases = transposed_taps(length, kernel_size, stride, int(convolution.padding[0]))
        weights = [convolution.weight.detach().transpose(0, 1)[:, :, list(taps.kernel)] for taps in phases]
        # Each phase quantizes its bias with a scale of its own.
        biases = [convolution.bias.detach().clone() for _ in phases]
        if all(taps.rows == phases[0].rows for taps in phases):
            phases, weights, biases = phases[:1], [torch.cat(weights)], [torch.cat(biases)]
        self.phases = nn.ModuleList(
            RowProduct(weight, bias, taps, length) for weight, bias, taps in zip(weights, biases, phases, strict=True)
        )
        self._outputs = convolution.out_channels

    def forward(self, x: Tensor) -> Tensor:
        """[T, C] to [stride * T, O]."""
        phases = [phase(x) for phase in self.phases]
        return torch.cat(phases, dim=-1).reshape(-1, self._outputs)


class RowGroupNorm(nn.Module):
    """`GroupNorm` of batch 1 by LayerNorm: a group's values of all rows become one row."""

    def __init__(self, norm: nn.GroupNorm, length: int):
        super().__init__()
        self.weight, self.bias = _parameter(norm.weight), _parameter(norm.bias)
        self._groups, self._eps, self._length = norm.num_groups, norm.eps, length
        self._size = norm.num_channels // norm.num_groups

    def forward(self, x: Tensor) -> Tensor:
        """[T, C] to [T, C]."""
        if self._length == 1:
            return self._normalize(x.reshape(self._groups, -1)).reshape(x.shape) * self.weight + self.bias
        by_group = x.reshape(self._length, self._groups, self._size).transpose(0, 1)
        normalized = self._normalize(by_group.reshape(self._groups, -1)).reshape(by_group.shape)
        return normalized.transpose(0, 1).reshape(x.shape) * self.weight + self.bias

    def _normalize(self, rows: Tensor) -> Tensor:
        return functional.layer_norm(rows, rows.shape[-1:], eps=self._eps)


class RowLinear(nn.Module):
    """`Linear` of any leading shape as one product of rows, for which INT8 has a kernel with a bias."""

    def __init__(self, layer: nn.Linear):
        super().__init__()
        self.linear = layer

    def forward(self, x: Tensor) -> Tensor:
        """[..., I] to [..., O]."""
        return self.linear(x.reshape(-1, x.shape[-1])).reshape(*x.shape[:-1], -1)


def linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    """`nn.Linear` of the given weight [O, I] and bias [O], without gradients and without a first draw of weights."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    layer.weight = _parameter(weight)
    if bias is not None:
        layer.bias = _parameter(bias)
    return layer


def _parameter(value: Tensor) -> nn.Parameter:
    return nn.Parameter(value.detach().contiguous(), requires_grad=False)
