"""Fits what each trait of a cut costs: `python -m benchmarks.cutting` prints `GLYPH` and `MARK` anew.

A conditional random field over all ways of cutting each picture: the sum of the costs of a way is the
negative logarithm of its likelihood, and the ways that read as the picture is labelled are to be as likely as
can be. Pictures are the first 400 of cheque-amounts, and lines composed as in `benchmarks.lines` from the
writers that models are chosen by, with no gap, one in ten and three in ten closed. Ridge holds the weights
near those that the package has, so a second run moves them little.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from benchmarks import lines, pages
from benchmarks.lines import DATA
from hwr_edge import Recognizer, decode, locate
from hwr_edge.image import to_pixels
from hwr_edge.ink import Pixels
from hwr_edge.reading import Scores, Watch
from hwr_edge.segment import usual_forms
from hwr_edge.segment.lattice import GLYPH, MARK, best_path, marks
from hwr_edge.segment.split import Task, plan

_CHEQUES = 400  # the others are for the figures
_CLOSED = (0.0, 0.1, 0.3)  # share of gaps without air
_LINES = 4  # of each kind a writer
_LINE_WEIGHT = 0.5  # of a line, in amounts: lines are longer, and more of them
_RIDGE = 0.02
_ROUNDS = 120
_LEFT_OUT = -1  # stands for the class of what is no character

Reals = NDArray[np.float64]
Edge = tuple[int, int, int, tuple[float, ...]]  # first and last piece, class, traits


@dataclass(frozen=True, eq=False)
class Lattice:
    """All ways of cutting one picture, and how it should read.

    Attributes:
        count: pieces.
        edges: (first piece, last piece, class or `_LEFT_OUT`), sorted by the last.
        traits: float64 (E, T), what speaks against each edge: those of `GLYPH`, then those of `MARK`.
        truth: int64 (L,) classes.
    """

    count: int
    edges: list[tuple[int, int, int]]
    traits: Reals
    truth: NDArray[np.int64]

    def likelihood(self, weights: Reals, *, free: bool = False) -> tuple[float, Reals]:
        """Logarithm of the sum over all ways that read as the truth, or all if `free`; and its slope (T,)."""
        costs = self.traits @ weights
        truth = self.truth[:0] if free else self.truth
        ahead = _sums(self.edges, costs, self.count, truth)
        turned = [(self.count - 1 - last, self.count - 1 - first, shape) for first, last, shape in self.edges]
        order = sorted(range(len(turned)), key=lambda i: turned[i][1])
        back = _sums([turned[i] for i in order], costs[order], self.count, truth[::-1])
        total = ahead[-1, -1]
        if not np.isfinite(total):
            return -np.inf, np.zeros_like(weights)
        behind = back[::-1, ::-1]
        shares = [
            np.exp(_step(ahead[first], cost, shape, truth) + behind[last + 1] - total).sum()
            for (first, last, shape), cost in zip(self.edges, costs, strict=True)
        ]
        return float(total), -(np.array(shares) @ self.traits)

    def read(self, weights: Reals) -> list[int]:
        """The classes along the cheapest way."""
        costs = (self.traits @ weights).tolist()
        choices = [(first, last, cost) for (first, last, _), cost in zip(self.edges, costs, strict=True)]
        shapes = [self.edges[i][2] for i in best_path(self.count, choices)]
        return [shape for shape in shapes if shape != _LEFT_OUT]


def _sums(edges: list[tuple[int, int, int]], costs: Reals, count: int, truth: NDArray[np.int64]) -> Reals:
    """Logarithms of the sums over all ways to each place between pieces: (count + 1, characters read + 1)."""
    sums = np.full((count + 1, len(truth) + 1), -np.inf)
    sums[0, 0] = 0
    for (first, last, shape), cost in zip(edges, costs, strict=True):
        sums[last + 1] = np.logaddexp(sums[last + 1], _step(sums[first], cost, shape, truth))
    return sums


def _step(before: Reals, cost: float, shape: int, truth: NDArray[np.int64]) -> Reals:
    """What an edge makes of the sums before it: a glyph must be the next character of any truth."""
    if not len(truth) or shape == _LEFT_OUT:
        return before - cost
    after = np.full_like(before, -np.inf)
    after[1:] = np.where(truth == shape, before[:-1] - cost, -np.inf)
    return after


def lattice_of(reader: Recognizer, picture: object, text: str) -> Lattice:
    """All ways of cutting a picture of one row, which should read as this text."""
    scores = Scores(reader.spec, reader.runtime, None, Watch())
    shapes = decode.same_shape(scores.labels)

    def score(crops: list[Pixels]) -> NDArray[np.float32]:
        return scores(crops) @ shapes

    words = [word for line in locate.find(to_pixels(picture, "row"), "word").lines for word in line.words]
    found: list[Edge] = []
    at = 0
    for task in plan(words, score, usual_forms(scores.labels, shapes)):
        own = list(_edges(task) if isinstance(task, Task) else _sure(score([g.crop for g in task.glyphs])))
        found += [(first + at, last + at, shape, traits) for first, last, shape, traits in own]
        at += max(last for _, last, _, _ in own) + 1
    found.sort(key=lambda edge: edge[1])
    traits = np.array([traits for *_, traits in found]).reshape(-1, len(GLYPH + MARK))
    truth = [int(shapes[scores.labels.index(label)].argmax()) for label in text]
    return Lattice(at, [edge[:3] for edge in found], traits, np.array(truth))


def _sure(scores: NDArray[np.float32]) -> Iterator[Edge]:
    """A word without doubt has one way only."""
    for number, shape in enumerate(scores.argmax(axis=1).tolist()):
        yield number, number, shape, (0.0,) * len(GLYPH + MARK)


def _edges(task: Task) -> Iterator[Edge]:
    """Each glyph that the pieces of a word could form, and each piece that could be left out."""
    for option, reading in zip(task.options, task.readings, strict=True):
        yield option.first, option.last, reading.shape, (*option.traits(reading), *(0.0 for _ in MARK))
    for number, mark in enumerate(marks(task.pieces, task.scale)):
        if mark is not None:
            yield number, number, _LEFT_OUT, (*(0.0 for _ in GLYPH), *mark)


def fit(pictures: list[tuple[Lattice, float]], start: Reals, rounds: int = _ROUNDS) -> Reals:
    """The weights under which the weighted pictures most likely read as they should."""

    def loss(weights: Reals) -> tuple[float, Reals]:
        value, slope = _RIDGE * float(((weights - start) ** 2).sum()), 2 * _RIDGE * (weights - start)
        for lattice, weight in pictures:
            right, towards = lattice.likelihood(weights)
            every, away = lattice.likelihood(weights, free=True)
            value -= weight * (right - every)
            slope -= weight * (towards - away)
        return value, slope

    # All that speaks against a glyph does so; a mark may gain by its traits.
    bounds = [(0, None)] * len(GLYPH) + [(None, None)] * len(MARK)
    return np.asarray(
        minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": rounds}).x
    )


def _closed_lines(data: Path) -> Iterator[tuple[object, str]]:
    for number, hand in enumerate(lines.hands(data, "validation")):
        for at, (_, text) in enumerate(lines.texts(hand, _LINES, np.random.default_rng(number))):
            for close in _CLOSED:
                yield hand.draw(text, np.random.default_rng([number, at]), close), "".join(text.split())


def _share(found: list[Lattice], weights: Reals) -> float:
    return float(np.mean([lattice.read(weights) == lattice.truth.tolist() for lattice in found]))


def main() -> None:
    """Fit, and print the weights and the share of pictures read without a mistake before and after."""
    parser = argparse.ArgumentParser(description="Fits the costs of cutting to labelled rows.")
    parser.add_argument("--data", type=Path, default=DATA)
    data = parser.parse_args().data
    digits, latin = Recognizer("digits", threads=1), Recognizer("latin62", threads=1)
    amounts = [lattice_of(digits, *row) for row in islice(pages.amounts(data), _CHEQUES)]
    written = [lattice_of(latin, *row) for row in _closed_lines(data)]
    start = np.array(GLYPH + MARK)
    weighted = [(lattice, 1.0) for lattice in amounts] + [(lattice, _LINE_WEIGHT) for lattice in written]
    # What no way of cutting reads right teaches nothing.
    usable = [pair for pair in weighted if np.isfinite(pair[0].likelihood(start)[0])]
    weights = fit(usable, start)
    result: dict[str, Any] = {
        "GLYPH": weights[: len(GLYPH)].round(2).tolist(),
        "MARK": weights[len(GLYPH) :].round(2).tolist(),
        "pictures": len(weighted),
        "usable": len(usable),
    }
    for name, found in (("amounts", amounts), ("lines", written)):
        result[name] = {"before": round(_share(found, start), 4), "after": round(_share(found, weights), 4)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
