"""One stream of events: newline-delimited JSON objects on stdout, text for humans on stderr.

Every line has `event`:

| event | fields |
|---|---|
| `started` | `command` |
| `progress` | `stage` what is counted, `done`, `total`, `eta_s` seconds left at the present pace |
| `metric` | `name`, `step` optimiser steps done, `value` |
| `episode` | `policy`, `seed`, `success`, `steps`, |
| | `max_velocity`, `max_acceleration` of the actions, their unit over s and s² |
| `log` | `message`, also on stderr |
| `interrupted` | `message`, `checkpoint` file that resumes the work, null where nothing is to resume |
| `error` | `code` of OmpModelsError, or INTERNAL, `message` |
| `result` | `command` and, by command: |
| | `collect`: `dataset` file, `sha256`, `episodes` kept, `discarded`, `steps` |
| | `import`: `dataset` file, `sha256`, `episodes`, `steps` |
| | `inspect`: `data`, `plot` file or null, `episodes`, `steps`, `dt_ms` or null, `lengths` (`min`, `median`, `max`), |
| | `tasks`, `keys` (each `key`, `shape` of a step, `dtype`, `min` and `max` by channel, `constant` channels) |
| | `train`: `run` directory, `policy` file, `step` |
| | `sweep`: `table` file, `runs` |
| | `import-checkpoint`: `run` directory, `policy` file |
| | `export`, `make`: `bundle` directory, `bundle_id`, `bytes` of all files, `success` as in the manifest |
| | `study-run`: `cells`, `finished` so far, `failed` in this call; `study-report`: `report` file, `cells`, `finished` |
| | `rollout`: `task`, `policies` for each `policy`, `first_seed`, `episodes`, `successes`, `interval_95`, |
| | `failed_seeds`, `max_velocity`, `max_acceleration`, `inference` and `round_trip` null or `p50_ms`, `p99_ms`; |
| | `paired` null or the seeds `only_first` and `only_second`, `mcnemar_p` |
| | `verify`: `bundle_id`, `windows`, `action_error` by variant, `golden_error` by variant, physical units |
| | `bench-graph`: `network`, `weights_ratio_h4`, `specialized_max_abs_diff` network units, |
| | `specialized_speedup_p50`, `int8_speedup_p50`, `rounds`, `p50_us` and `megabytes` by graph |

A command writes `started` first and exactly one of `result` (exit status 0), `error` (1) and `interrupted` (130) last.
Wrong arguments end it with status 2 and no event.
"""

import json
import sys
import time
from typing import Any

_SILENT = False


def silence() -> None:
    """From now on nothing is written for humans; the event stream is unchanged."""
    global _SILENT
    _SILENT = True


def say(message: str) -> None:
    """Tells humans."""
    if not _SILENT:
        print(message, file=sys.stderr, flush=True)


def emit(event: str, **fields: Any) -> None:
    """Writes one event line and flushes it, so that a reader of the pipe sees it at once.

    Raises ValueError when a field holds NaN or an infinity, which JSON cannot carry.
    """
    sys.stdout.write(json.dumps({"event": event, **fields}, allow_nan=False) + "\n")
    sys.stdout.flush()


def log(message: str) -> None:
    """Reports something that happened, to both readers."""
    emit("log", message=message)
    say(message)


class Progress:
    """Emits `progress` for one stage, at most every `interval_s` seconds and always at the end; humans hear less."""

    SAY_INTERVAL_S = 20.0

    def __init__(self, stage: str, total: int, done: int = 0, interval_s: float = 2.0):
        self._stage = stage
        self._total = total
        self._first = done
        self._interval_s = interval_s
        self._started_at = time.monotonic()
        self._emitted_at = float("-inf")
        self._said_at = self._started_at

    def update(self, done: int, **fields: Any) -> bool:
        """Reports that `done` of the total is finished; returns whether a line was written."""
        now = time.monotonic()
        if done < self._total and now - self._emitted_at < self._interval_s:
            return False
        self._emitted_at = now
        elapsed_s = now - self._started_at
        eta_s = elapsed_s / max(1, done - self._first) * (self._total - done)
        emit("progress", stage=self._stage, done=done, total=self._total, eta_s=round(eta_s, 1), **fields)
        if now - self._said_at >= self.SAY_INTERVAL_S:
            self._said_at = now
            say(f"{self._stage}: {done} of {self._total}, {_duration(eta_s)} left")
        return True


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
