"""What the paper reports, beside what a study found."""

from itertools import combinations

from .markdown import ABSENT, listed, number, table
from .study import Grid
from .study_lines import Line, begun, comparable, mean_success, pick
from .study_ranking import differences

CLASSES = ("easy", "medium", "hard", "very hard")
ADROIT = ("hammer", "door", "pen")

# arXiv 2512.19347, table 1: success in %, 37 tasks, point clouds, 10 demonstrations; Adroit, CLASSES, all tasks.
PUBLISHED = {
    "omp-jvp": ("? / ? / 60", "?", "77.4", "62.5", "77.8", "82.3"),
    "omp-dde": ("? / ? / 64", "?", "76.4", "61.0", "70.6", "80.8"),
    "mp1": ("100 / 69 / 58", "88.2", "68.0", "58.1", "67.2", "78.9"),
    "flowpolicy": ("98 / 61 / 54", "84.8", "58.2", "40.2", "52.2", "71.6"),
    "dp3": ("100 / 56 / 46", "87.3", "44.5", "32.7", "39.4", "68.7"),
}
"""In the order of the paper's ranking."""

PUBLISHED_MS = {"omp-jvp": "6.8", "omp-dde": "6.8", "mp1": "6.8", "flowpolicy": "12.6", "dp3": "132.2"}
"""ms a chunk with the encoder, on one RTX 4090; OMP's network is MP1's."""


def beside_published(grid: Grid, lines: list[Line]) -> list[str]:
    """The section: the paper's numbers over ours, and which of its differences ours confirm."""
    fair = comparable(grid, lines)
    rows = []
    for method in dict.fromkeys((*PUBLISHED, *grid.methods)):
        if method in PUBLISHED:
            rows.append([method, "paper", *PUBLISHED[method]])
        if method in grid.methods:
            rows.append([method, "here", *_ours(pick(fair, method=method))])
    tasks = len({line["task"] for line in fair})
    return [
        "## Beside the paper",
        "",
        "[arXiv 2512.19347](https://arxiv.org/abs/2512.19347): success in %, mean of three seeds, policies on point "
        "clouds with 256 M weights, 10 demonstrations, 37 tasks. `?` is not published. Here: PyTorch, the pairs of "
        f"task and seed that every method has finished, {tasks} tasks, another observation, network and budget. So "
        "only the order can be compared.",
        "",
        *table(["method", "whose", "Adroit " + " / ".join(ADROIT), *CLASSES, "all"], rows),
        *_order(grid, lines),
    ]


def _ours(own: list[Line]) -> list[str]:
    adroit = [mean_success(pick(own, task=f"adroit/{name}")) for name in ADROIT]
    parts = " / ".join(number(one, 0) for one in adroit) if any(one is not None for one in adroit) else ABSENT
    return [parts, *(number(mean_success(pick(own, difficulty=name))) for name in CLASSES), number(mean_success(own))]


def _order(grid: Grid, lines: list[Line]) -> list[str]:
    """Of every two methods that the paper ranks: whether ours agree, contradict, or cannot tell."""
    both = [method for method in PUBLISHED if method in begun(grid, lines)]
    if len(both) < 2 or not comparable(grid, lines):
        return []
    told = differences(grid, lines)
    verdicts: dict[str, list[str]] = {"confirmed": [], "contradicted": [], "open": []}
    for better, worse in combinations(both, 2):
        difference = told[better, worse]
        agrees = "confirmed" if difference.points > 0 else "contradicted"
        verdicts[agrees if difference.is_told else "open"].append(f"{better} over {worse}")
    return [
        f"The paper's order is {', '.join(both)}. Of its {sum(map(len, verdicts.values()))} comparisons these episodes "
        f"confirm {listed(verdicts['confirmed'])}; contradict {listed(verdicts['contradicted'])}; and leave open "
        f"{listed(verdicts['open'])}.",
        "",
    ]
