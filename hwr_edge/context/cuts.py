"""Which way of cutting a word makes the likelier text, where its ink could be taken apart in several."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwr_edge.context.decode import CERTAIN
from hwr_edge.context.neighbours import chance, odds_of_text

# Fitted on lines of writers that models are chosen by.
_WEIGHT = 0.8  # of a nat that speaks for text, against one that speaks against a cut
_LENGTH = 1.2  # nats that each further character must bring

Option = tuple[NDArray[np.float32] | None, float]
"""Scores (N, C) of a way's glyphs, None where none is left, and what speaks against the way, in nats."""


def likeliest(line: Sequence[Sequence[Option]], labels: Sequence[str]) -> list[int]:
    """The number of the best way for each word of a line; the first where all characters are certain.

    Args:
        line: the ways of each word, the one that is best by its cuts first.
        labels: C characters.
    """
    best = [0] * len(line)
    first = [scores for (scores, _), *_ in line if scores is not None]
    table = np.concatenate(first) if first else np.ones((0, len(labels)), np.float32)
    if table.max(axis=1).min(initial=1.0) > CERTAIN:
        return best
    text = chance(odds_of_text([len(scores) for scores in first], table, labels))
    for number, ways in enumerate(line):
        if len(ways) > 1:
            best[number] = int(np.argmin([cost - text * _WEIGHT * _gain(s, labels) for s, cost in ways]))
    return best


def _gain(scores: NDArray[np.float32] | None, labels: Sequence[str]) -> float:
    """What speaks for a word as text, in nats, beyond what its length alone would bring."""
    if scores is None:
        return 0.0
    return odds_of_text([len(scores)], scores, labels) - _LENGTH * len(scores)
