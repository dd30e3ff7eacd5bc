"""Which candidates nothing else beats on both counts, and a plot of them for a terminal."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from hwr_edge.bench.result import Row

_WIDTH, _HEIGHT = 64, 10
_MARKS = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Point:
    """A candidate as a point.

    Attributes:
        index: of its row.
        milliseconds: p50 of one inference.
        quality: a share 0-1, see `quality_of`.
    """

    index: int
    milliseconds: float
    quality: float


def mark(index: int) -> str:
    """The one character that stands for a row in table and plot."""
    return _MARKS[index % len(_MARKS)]


def quality_of(row: Row) -> float | None:
    """How good the answers are: accuracy on data that was given, else agreement with the float model."""
    accuracy, agreement = row.get("accuracy"), row.get("agreement")
    if accuracy and not accuracy["drawn"]:
        return float(accuracy["value"])
    return float(agreement["value"]) if agreement else None


def quality_name(rows: Sequence[Row]) -> str:
    """What `quality_of` is for these rows."""
    given = any(row.get("accuracy") and not row["accuracy"]["drawn"] for row in rows)
    return "accuracy" if given else "agreement with the float model"


def groups(rows: Sequence[Row]) -> dict[str, list[int]]:
    """Indices of rows that compete: those that know the same labels; a model's name stands for each group."""
    tasks: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        tasks.setdefault(row["task"], []).append(index)
    named: dict[str, list[int]] = {}
    for indices in tasks.values():
        name = ", ".join(dict.fromkeys(rows[index]["model"] for index in indices))
        while name in named:
            name += "'"
        named[name] = indices
    return named


def points(rows: Sequence[Row], indices: Sequence[int]) -> list[Point]:
    """The rows that were measured and judged."""
    found = []
    for index in indices:
        quality = quality_of(rows[index])
        if rows[index]["latency_ms"] and rows[index]["status"] == "ok" and quality is not None:
            found.append(Point(index, rows[index]["latency_ms"]["p50"], quality))
    return found


def frontier(found: Sequence[Point]) -> list[Point]:
    """Those that no other is at once faster and at least as good as, fastest first."""
    kept: list[Point] = []
    for point in sorted(found, key=lambda one: (one.milliseconds, -one.quality)):
        if not kept or point.quality > kept[-1].quality:
            kept.append(point)
    return kept


def plot(found: Sequence[Point], name: str) -> str:
    """Text: quality upwards, milliseconds to the right on a logarithmic scale, the frontier in brackets."""
    if len(found) < 2:
        return ""
    low, high = (math.log(pick(one.milliseconds for one in found)) for pick in (min, max))
    bottom, top = (pick(one.quality for one in found) for pick in (min, max))
    best = {one.index for one in frontier(found)}
    grid = [[" "] * (_WIDTH + 2) for _ in range(_HEIGHT)]
    for one in sorted(found, key=lambda one: one.index not in best):
        column = 1 + round((math.log(one.milliseconds) - low) / max(high - low, 1e-9) * (_WIDTH - 1))
        line = round((top - one.quality) / max(top - bottom, 1e-9) * (_HEIGHT - 1))
        # Where the place is taken, the next one below is, or above.
        free = (other for other in [*range(line, _HEIGHT), *range(line)] if grid[other][column] == " ")
        line = next(free, line)
        grid[line][column] = mark(one.index)
        if one.index in best:
            grid[line][column - 1], grid[line][column + 1] = "[", "]"
    lowest = f"{bottom:7.2%}" if bottom < top else " " * 7
    sides = [f"{top:7.2%}", *[" " * 7] * (_HEIGHT - 2), lowest]
    lines = [f"{side} |{''.join(cells).rstrip()}" for side, cells in zip(sides, grid, strict=True)]
    left, right = (f"{math.exp(value):.3g} ms" for value in (low, high))
    foot = f"{'':8}+{'-' * _WIDTH}\n{'':8} {left}{right:>{_WIDTH - len(left)}}"
    return "\n".join([name, *lines, foot])
