"""Which inputs a convolution over a fixed length can read, tap by tap.

A tap that falls outside the input at every output position multiplies zeros only. It is dead: its weights can be
removed and no value changes. At length 1 a kernel of 5 has one live tap, at length 2 three, from length 3 on all.
"""

from dataclasses import dataclass

PADDING = -1
"""Row of a tap that falls outside the input at one output position but not at all of them."""


@dataclass(frozen=True)
class Taps:
    """The live taps of one convolution."""

    kernel: tuple[int, ...]
    """Kernel positions that are live, ascending by the input row that they read."""
    rows: tuple[tuple[int, ...], ...]
    """Input row, or PADDING, by output position and by entry of `kernel`."""

    @property
    def is_padded(self) -> bool:
        """Whether some position still reads outside the input."""
        return any(row == PADDING for position in self.rows for row in position)

    def is_flattening(self, length: int) -> bool:
        """Whether the rows, one position after the other, are just the input's `length` rows in order."""
        return [row for position in self.rows for row in position] == list(range(length))


def convolution_taps(length: int, kernel_size: int, stride: int, padding: int) -> Taps:
    """Taps of `Conv1d` at input length `length`: output position o reads row `o * stride + k - padding`."""
    outputs = (length + 2 * padding - kernel_size) // stride + 1
    return _live(length, [[o * stride + k - padding for k in range(kernel_size)] for o in range(outputs)])


def transposed_taps(length: int, kernel_size: int, stride: int, padding: int) -> list[Taps]:
    """Taps of `ConvTranspose1d`, one entry for each phase; its output position is `i * stride + phase`.

    Row j adds to position `j * stride + k - padding`, so a position reads only the taps that have its phase.
    Needs `stride * length` outputs, as with kernel 4, stride 2, padding 1.
    """
    phases = []
    for phase in range(stride):
        taps = [k for k in range(kernel_size) if (phase + padding - k) % stride == 0]
        rows = [[(i * stride + phase + padding - k) // stride for k in taps] for i in range(length)]
        live = _live(length, rows)
        phases.append(Taps(tuple(taps[k] for k in live.kernel), live.rows))
    return phases


def _live(length: int, rows: list[list[int]]) -> Taps:
    def is_inside(row: int) -> bool:
        return 0 <= row < length

    live = [k for k in range(len(rows[0])) if any(is_inside(position[k]) for position in rows)]
    live.sort(key=lambda k: rows[0][k])
    return Taps(
        tuple(live), tuple(tuple(position[k] if is_inside(position[k]) else PADDING for k in live) for position in rows)
    )
