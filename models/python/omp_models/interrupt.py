"""Ctrl-C and SIGTERM as a flag that long work polls, so that it stops at a safe point."""

import signal
from types import FrameType, TracebackType
from typing import Self


class Interrupted(Exception):
    """Work stopped because it was asked to. `checkpoint` resumes it, None where nothing is to resume."""

    def __init__(self, message: str, checkpoint: str | None = None):
        super().__init__(message)
        self.checkpoint = checkpoint


class Interrupt:
    """Context manager; while active, the first signal sets `requested` and the second one ends the process."""

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in self.SIGNALS:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def check(self) -> None:
        """Raises Interrupted once a signal has come, for work that leaves nothing behind."""
        if self.requested:
            raise Interrupted("stopped; nothing was written")

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        self._restore()

    def _restore(self) -> None:
        while self._previous:
            number, handler = self._previous.popitem()
            signal.signal(number, handler)  # type: ignore[arg-type]
