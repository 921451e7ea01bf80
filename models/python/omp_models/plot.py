"""Demonstrations as a picture: an SVG with one small panel for each value, the episodes one over the other."""

from html import escape

import numpy as np

from .inspection import KeyReport, Recording

COLUMNS = 6
WIDTH, HEIGHT, MARGIN = 190, 90, 24
MAX_EPISODES = 20
"""Episodes drawn, evenly spread over the recording; all of them would hide each other."""
MAX_POINTS = 120
"""Points of a line; a panel has no room for more."""


def plot(recording: Recording) -> str:
    """The SVG text. Vectors only: a picture or a cloud has no line."""
    starts = np.concatenate([[0], recording.episode_ends[:-1]])
    drawn = np.unique(np.linspace(0, len(starts) - 1, min(MAX_EPISODES, len(starts))).astype(int))
    longest = int(np.diff(recording.episode_ends, prepend=0).max())
    body: list[str] = []
    y = MARGIN
    for key, rows in recording.arrays.items():
        if rows.ndim != 2:
            continue
        report = KeyReport.of(key, rows)
        body.append(f'<text class="key" x="{MARGIN}" y="{y}">{escape(key)}</text>')
        for channel in range(rows.shape[1]):
            left = MARGIN + (channel % COLUMNS) * (WIDTH + MARGIN)
            top = y + MARGIN + (channel // COLUMNS) * (HEIGHT + MARGIN)
            low, high = report.min[channel], report.max[channel]
            constant = channel in report.constant
            note = "constant" if constant else f"{low:.3g} to {high:.3g}"
            body.append(f'<text x="{left}" y="{top - 4}">[{channel}] {note}</text>')
            body.append(
                f'<rect class="{"constant" if constant else "panel"}" x="{left}" y="{top}" '
                f'width="{WIDTH}" height="{HEIGHT}"/>'
            )
            for episode in drawn:
                values = rows[starts[episode] : recording.episode_ends[episode], channel].astype(np.float64)
                body.append(f'<polyline points="{_points(values, longest, low, high, left, top)}"/>')
        y += MARGIN + (-(-rows.shape[1] // COLUMNS)) * (HEIGHT + MARGIN)
    width = MARGIN + COLUMNS * (WIDTH + MARGIN)
    style = (
        "text{font:11px sans-serif}.key{font-weight:bold}.panel{fill:#f6f6f6}.constant{fill:#ffe3c2}"
        "polyline{fill:none;stroke:#27598f;stroke-opacity:.5}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {y}" width="{width}" height="{y}">\n'
        f"<style>{style}</style>\n" + "\n".join(body) + "\n</svg>\n"
    )


def _points(values: np.ndarray, longest: int, low: float, high: float, left: int, top: int) -> str:
    """Steps from left to right, over the longest episode's length; `low` at the bottom, `high` on top."""
    steps = np.unique(np.linspace(0, len(values) - 1, min(MAX_POINTS, len(values))).astype(int))
    x = left + steps / max(1, longest - 1) * WIDTH
    share = (values[steps] - low) / (high - low) if high > low else np.full(len(steps), 0.5)
    return " ".join(f"{px:.1f},{py:.1f}" for px, py in zip(x, top + HEIGHT * (1 - share), strict=True))
