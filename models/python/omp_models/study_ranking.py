"""The ranking of a study's methods, and which differences its episodes can tell from chance."""

from dataclasses import dataclass
from itertools import combinations

from .markdown import listed, number, table
from .study import Grid
from .study_lines import Line, begun, comparable, mean_success, pick, seed_deviation
from .success_rate import holm, sign_flip_p

LEVEL = 0.05


@dataclass(frozen=True)
class Difference:
    """How much more often one method succeeds than another, over pairs of task and training seed."""

    points: float
    """Mean over the pairs, percentage points."""
    p: float
    """Sign-flip test, corrected by Holm for all comparisons of the study."""

    @property
    def is_told(self) -> bool:
        """Whether chance is an unlikely reason."""
        return self.p < LEVEL


def differences(grid: Grid, lines: list[Line]) -> dict[tuple[str, str], Difference]:
    """Every ordered pair of methods, over what all of them have finished."""
    fair, methods = comparable(grid, lines), begun(grid, lines)
    rates = {
        method: {(line["task"], line["seed"]): line["torch"]["successes"] for line in pick(fair, method=method)}
        for method in methods
    }
    couples = list(combinations(methods, 2))
    gaps = [[rates[a][key] - rates[b][key] for key in rates[a]] for a, b in couples]
    p_values = holm([sign_flip_p(gap) for gap in gaps])
    told = {}
    for (a, b), gap, p in zip(couples, gaps, p_values, strict=True):
        points = 100 * sum(gap) / (len(gap) * grid.episodes) if gap else 0.0
        told[a, b], told[b, a] = Difference(points, p), Difference(-points, p)
    return told


def ranking(grid: Grid, lines: list[Line]) -> list[str]:
    """The section: places, how far apart, and what of it is more than chance."""
    fair = comparable(grid, lines)
    if not fair:
        return ["## Ranking", "", "No task is finished by every method yet.", ""]
    own = {method: pick(fair, method=method) for method in begun(grid, lines)}
    means = {method: mean_success(of) or 0.0 for method, of in own.items()}
    ranked = sorted(own, key=lambda method: -means[method])
    rows = [
        [
            # Equal means share a place.
            str(1 + sum(other > means[method] for other in means.values())),
            method,
            number(means[method]),
            number(seed_deviation(own[method])),
            number(mean_success(own[method], "runtime")),
        ]
        for method in ranked
    ]
    pairs, tasks = len(fair) // len(own), len({line["task"] for line in fair})
    return [
        "## Ranking",
        "",
        f"Over the {pairs} pairs of task and training seed that every method has finished, of {tasks} tasks: mean over "
        "tasks in %, and the standard deviation of a task's success between training seeds.",
        "",
        *table(["place", "method", "PyTorch", "std", "runtime INT8"], rows),
        *_significance(grid, lines, ranked, means, pairs),
    ]


def _significance(grid: Grid, lines: list[Line], ranked: list[str], means: dict[str, float], pairs: int) -> list[str]:
    if len(ranked) < 2:
        return []
    told = differences(grid, lines)
    rows = [[row, *("" if row == column else _signed(told[row, column]) for column in ranked)] for row in ranked]
    comparisons = len(told) // 2
    least = 2.0 ** (1 - pairs)
    few = (
        f" {pairs} pairs cannot show a difference among {comparisons}: the smallest p that they allow is {least:.2g}, "
        f"before the correction."
        if least * comparisons >= LEVEL
        else ""
    )
    return [
        "Mean difference in points, row less column. `*`: p < 0.05 in the exact sign-flip test on the pairs of task "
        f"and seed, corrected by Holm for {comparisons} comparisons. A pair counts as one observation, however many "
        f"episodes it has; it speaks of these tasks, others may rank otherwise.{few}",
        "",
        *table(["", *ranked], rows),
        _reading(ranked, means, told),
        "",
    ]


def _signed(difference: Difference) -> str:
    # Adding 0 turns -0.0 into 0.0.
    return f"{round(difference.points, 1) + 0:+.1f}{'*' if difference.is_told else ''}"


def _reading(ranked: list[str], means: dict[str, float], told: dict[tuple[str, str], Difference]) -> str:
    first = [method for method in ranked if means[method] == means[ranked[0]]]
    behind = [method for method in ranked if method not in first and all(told[one, method].is_told for one in first)]
    untold = [method for method in ranked if method not in first and method not in behind]
    several = len(first) > 1
    text = f"{listed(first)} {'share' if several else 'has'} the highest mean."
    if behind:
        text += f" Behind {'them' if several else 'it'} by more than chance: {listed(behind)}."
    if untold:
        text += f" Not told apart from {'them' if several else 'it'}: {listed(untold)}."
    return text
