"""Tables in Markdown."""

ABSENT = "-"
"""What a table says where nothing was measured."""


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    """The lines of a table, padded as prettier leaves it, and an empty one."""
    widths = [max(3, *(len(row[i]) for row in [head, *rows])) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"

    return [line(head), line(["-" * width for width in widths]), *map(line, rows), ""]


def number(value: float | None, digits: int = 1) -> str:
    """A number with so many decimals, or ABSENT."""
    return ABSENT if value is None else f"{value:.{digits}f}"


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else "none"
