"""A bar chart of the study: success by class of tasks and method, as SVG."""

from .study import DIFFICULTIES, Grid
from .study_lines import Line, comparable, mean_success, pick

COLOURS = ("#1b6ca8", "#63a4d4", "#c0504d", "#e6a23c", "#7f7f7f", "#4f9d69", "#8064a2", "#b0a030")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 760, 320, 46, 28, 34


def chart(grid: Grid, lines: list[Line]) -> str:
    """One group of bars a class, one bar a method; mean success over tasks in %, PyTorch.

    Of the pairs of task and seed that every method has finished; a class without one has no bars.
    """
    fair = comparable(grid, lines)
    classes = [name for name in DIFFICULTIES if any(spec["difficulty"] == name for spec in grid.tasks.values())]
    methods = list(grid.methods)
    group = (WIDTH - LEFT) / len(classes)
    bar = 0.8 * group / len(methods)
    scale = (HEIGHT - TOP - BOTTOM) / 100
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text{font:12px sans-serif}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
    ]
    for percent in range(0, 101, 25):
        y = HEIGHT - BOTTOM - scale * percent
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{percent} %</text>')
    for i, name in enumerate(classes):
        left = LEFT + i * group
        parts.append(f'<text x="{left + group / 2:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{name}</text>')
        for j, method in enumerate(methods):
            mean = mean_success(pick(fair, difficulty=name, method=method))
            if mean is None:
                continue
            x, height = left + 0.1 * group + j * bar, scale * mean
            y = HEIGHT - BOTTOM - height
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{bar - 1:.1f}" height="{height:.1f}" '
                f'fill="{COLOURS[j % len(COLOURS)]}"><title>{method}, {name}: {mean:.1f} %</title></rect>'
            )
    for j, method in enumerate(methods):
        x = LEFT + j * (WIDTH - LEFT) / len(methods)
        parts.append(f'<rect x="{x:.1f}" y="8" width="12" height="12" fill="{COLOURS[j % len(COLOURS)]}"/>')
        parts.append(f'<text x="{x + 17:.1f}" y="18">{method}</text>')
    return "\n".join([*parts, "</svg>", ""])
