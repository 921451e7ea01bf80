"""One stream of events: newline-delimited JSON objects on stdout, text for humans on stderr.

Every line has `event`, one of
`started` {command} · `progress` {stage, done, total, eta_s} · `metric` {name, step, value} · `log` {message} ·
`interrupted` {message, checkpoint} · `error` {code, message} · `result` {command, ...}.
A command writes `started` first and exactly one of `result`, `error`, `interrupted` last.
"""

import json
import sys
import time
from typing import Any


def emit(event: str, **fields: Any) -> None:
    """Writes one event line and flushes it, so that a reader of the pipe sees it at once.

    Raises ValueError when a field holds NaN or an infinity, which JSON cannot carry.
    """
    sys.stdout.write(json.dumps({"event": event, **fields}, allow_nan=False) + "\n")
    sys.stdout.flush()


def log(message: str) -> None:
    """Reports something that happened, to both readers."""
    emit("log", message=message)
    print(message, file=sys.stderr, flush=True)


class Progress:
    """Emits `progress` for one stage, at most every `interval_s` seconds and always at the end."""

    def __init__(self, stage: str, total: int, done: int = 0, interval_s: float = 2.0):
        self._stage = stage
        self._total = total
        self._first = done
        self._interval_s = interval_s
        self._started_at = time.monotonic()
        self._emitted_at = float("-inf")

    def update(self, done: int, **fields: Any) -> bool:
        """Reports that `done` of the total is finished; returns whether a line was written."""
        now = time.monotonic()
        if done < self._total and now - self._emitted_at < self._interval_s:
            return False
        self._emitted_at = now
        elapsed_s = now - self._started_at
        eta_s = elapsed_s / max(1, done - self._first) * (self._total - done)
        emit("progress", stage=self._stage, done=done, total=self._total, eta_s=round(eta_s, 1), **fields)
        return True
