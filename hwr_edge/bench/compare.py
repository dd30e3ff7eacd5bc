"""Two runs side by side, of one machine or of two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hwr_edge.bench.result import Row, label


@dataclass(frozen=True)
class Pair:
    """One candidate in two runs.

    Attributes:
        label: file, runtime, threads, device.
        old, new: p50 in milliseconds, None where that run has no figure.
        overlap: whether the intervals of the two medians touch.
        changed: whether the file itself is another one.
    """

    label: tuple[str, str, int, str]
    old: float | None
    new: float | None
    overlap: bool
    changed: bool

    @property
    def ratio(self) -> float | None:
        """New over old; above 1 is slower."""
        return self.new / self.old if self.old and self.new else None


def pair(old: Sequence[Row], new: Sequence[Row]) -> list[Pair]:
    """The candidates of both runs, in the order of the old one, new ones last."""
    before, after = ({label(row): row for row in rows} for rows in (old, new))
    return [_pair(key, before.get(key), after.get(key)) for key in {**before, **after}]


def slower(pairs: Sequence[Pair], share: float) -> list[str]:
    """What is slower by more than `share` (0.2 for 20 %), or ran before and does not any more."""
    found = []
    for one in pairs:
        file, runtime, threads, _ = one.label
        name = f"{file} in {runtime}" + (f" with {threads} threads" if threads > 1 else "")
        if one.ratio is not None and one.ratio > 1 + share and not one.overlap:
            found.append(f"{name} takes {one.ratio:.2f} times as long ({one.old:.3g} -> {one.new:.3g} ms)")
        elif one.old and one.new is None:
            found.append(f"{name} has no figure any more")
    return found


def as_text(pairs: Sequence[Pair], old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """A line a candidate, the machines above."""
    lines = [["file", "runtime", "threads", "old ms", "new ms", "new/old", ""]]
    for one in pairs:
        ratio = f"{one.ratio:.2f}" if one.ratio else "-"
        said = ["within the intervals"] if one.ratio and one.overlap else []
        said += ["another file"] if one.changed else []
        times = [f"{value:.3g}" if value else "-" for value in (one.old, one.new)]
        lines.append([one.label[0], one.label[1], str(one.label[2]), *times, ratio, ", ".join(said)])
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    text = [
        "  ".join(
            f"{cell:<{width}}" if column in (0, 1, 6) else f"{cell:>{width}}"
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(
        [f"old: {machine(old)}, {old['started']}", f"new: {machine(new)}, {new['started']}", *text]
    )


def machine(run: Mapping[str, Any]) -> str:
    """The machine of a run in a few words."""
    return str(run.get("machine", "unknown machine"))


def _pair(key: tuple[str, str, int, str], old: Row | None, new: Row | None) -> Pair:
    before, after = (row["latency_ms"] if row and row["status"] == "ok" else None for row in (old, new))
    a, b = (latency["median_ci95"] if latency else None for latency in (before, after))
    return Pair(
        key,
        before["p50"] if before else None,
        after["p50"] if after else None,
        bool(a and b and a[0] <= b[1] and b[0] <= a[1]),
        bool(old and new and old["sha256"] != new["sha256"]),
    )
