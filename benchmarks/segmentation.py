"""How well writing is taken apart, part of `benchmarks.quality`: touching characters, forms, cheques, cards.

- lines: composed as in `benchmarks.lines` from writers kept out of training, once with clear gaps and once
  with one gap in ten closed. Character error rate: edits over characters; with look-alikes merged it tells
  more of the cutting. The interval is that of drawing other lines.
- grid: photographs of number grids read whole, without their corners; digits found in the right row order,
  cells with two small digits left out.
- cheques and cards: as `benchmarks.pages` counts them, and cards read whole.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import lines, pages
from hwr_edge import Recognizer
from hwr_edge.evaluation.distance import edits
from hwr_edge.lookalikes import merged

Row = dict[str, Any]

_LINES = 15  # of each kind a writer
_DRAWS = 2000
_CLOSED = 0.1  # share of gaps without air
_TIMES_WORSE = 1.5


def measure(data: Path, limit: int | None = None) -> list[Row]:
    """One row a figure."""
    return [*touching(data, limit), *grids(data, limit), *_cards(data, limit), *_cheques(data, limit)]


def touching(data: Path, limit: int | None = None) -> list[Row]:
    """Character error rates of the same lines with clear and with closed gaps."""
    reader = Recognizer("latin62", threads=1)
    wrong, total = [], 0
    for number, hand in enumerate(islice(lines.hands(data, "test"), limit)):
        for at, (_, text) in enumerate(lines.texts(hand, _LINES, np.random.default_rng(number))):
            wanted = "".join(text.split())
            total += len(wanted)
            for close in (0.0, _CLOSED):
                picture = hand.draw(text, np.random.default_rng([number, at]), close)
                found = "".join(reader.predict(picture, "word").text.split())
                wrong.append((edits(found, wanted), edits(_shapes(found), _shapes(wanted))))
    counts = np.reshape(wrong, (-1, 2, 2))  # (line, clear or closed, exact or merged)
    rows = []
    for kind, what in enumerate(("", ", look-alikes merged")):
        clear, closed = counts[:, :, kind].sum(axis=0)
        rows += [
            _row("lines", f"character errors, clear gaps{what}", clear / total, None, total),
            _row("lines", f"character errors, one gap in ten closed{what}", closed / total, None, total),
            _row(
                "lines",
                f"closed over clear{what}",
                closed / clear,
                None if what else f"at most {_TIMES_WORSE}",
                total,
                ratio_interval(counts[:, :, kind]),
            ),
        ]
    return rows


def ratio_interval(counts: NDArray[np.int64]) -> tuple[float, float]:
    """95 % interval of the ratio of the second column's sum to the first's, lines drawn anew (bootstrap).

    Args:
        counts: (lines, 2) errors.
    """
    drawn = np.random.default_rng(0).integers(0, len(counts), (_DRAWS, len(counts)))
    clear, closed = counts[drawn].sum(axis=1).T
    low, high = np.quantile(closed / np.maximum(clear, 1), (0.025, 0.975))
    return round(float(low), 3), round(float(high), 3)


def grids(data: Path, limit: int | None = None) -> list[Row]:
    """Number grids read as pages."""
    reader = Recognizer("digits", threads=1)
    right = false = count = 0
    for picture, _, rows in islice(pages.grid_photographs(data), limit):
        wanted = "\n".join("".join(str(value) for value in row if 1 <= value <= 9) for row in rows)
        text = reader.predict(picture, "page").text.replace(" ", "")
        found, wrong, _ = pages.align(text, wanted)
        right, false, count = right + found, false + wrong, count + len(wanted.replace("\n", ""))
    return [
        _row("grid", "digits in the right row order", right / count, "at least 0.93", count),
        _row("grid", "false digits for each one written", false / count, None, count),
    ]


def _cards(data: Path, limit: int | None) -> Iterator[Row]:
    reader = Recognizer("latin62", threads=1)
    wanted = "\n".join(pages.CARD)
    scores = []
    for picture in islice(pages.kept_out_cards(data), limit):
        text = reader.predict(picture, "page", "upper").text.replace(" ", "")
        scores.append((pages.align(text, wanted)[0], text == wanted))
    right, whole = np.array(scores).T
    length = len(wanted.replace("\n", ""))
    yield _row("cards", "characters right", right.mean() / length, "at least 0.97", len(right) * length)
    yield _row("cards", "cards read whole", whole.mean(), "at least 0.75", len(whole))


def _cheques(data: Path, limit: int | None) -> Iterator[Row]:
    reader = Recognizer("digits", threads=1)
    hits = [
        reader.predict(picture, "word").text.replace(" ", "") == wanted
        for picture, wanted in islice(pages.amounts(data), limit)
    ]
    yield _row("cheques", "whole strings right", float(np.mean(hits)), "at least 0.85", len(hits))


def _shapes(text: str) -> str:
    return "".join(map(merged, text))


def _row(
    writing: str,
    figure: str,
    value: float,
    wanted: str | None,
    count: int,
    ci95: tuple[float, float] | None = None,
) -> Row:
    return {
        "writing": writing,
        "figure": figure,
        "value": round(float(value), 4),
        "ci95": ci95,
        "wanted": wanted,
        "n": count,
    }
