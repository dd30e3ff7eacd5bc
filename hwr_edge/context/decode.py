"""Probabilities of lone characters to probabilities in their line."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwr_edge.context.known import Known
from hwr_edge.context.lexicon import by_lexicon
from hwr_edge.context.neighbours import by_neighbours
from hwr_edge.context.pattern import by_pattern
from hwr_edge.context.sizes import by_size
from hwr_edge.context.tables import load
from hwr_edge.locate import Line

CERTAIN = 0.99  # a line whose characters are all above this is left as it is

Scores = NDArray[np.float32]


def in_context(lines: Sequence[Line], scores: Scores, labels: Sequence[str], known: Known) -> Scores:
    """What each character is, given its size, its place on the line, its neighbours, and what is known.

    Args:
        lines: the lines of one picture.
        scores: (N, C) calibrated probabilities of their glyphs, in reading order.
        labels: C characters.
        known: a pattern and a lexicon, where there are any, and whether to look at the line at all.

    Returns:
        float32 (N, C), rows adding up to 1. Without pattern and lexicon, lines of which every character is
        above .99 stay as they are.
    """
    result = scores.copy()
    start = 0
    for line in lines:
        rows = slice(start, start + len(line.glyphs))
        start = rows.stop
        result[rows] = _one(line, scores[rows], labels, known)
    return result


def _one(line: Line, scores: Scores, labels: Sequence[str], known: Known) -> Scores:
    words = [len(word.glyphs) for word in line.words]
    if known.pattern is not None:
        scores = by_pattern(known.pattern, scores, labels)
    if known.line and _has_both_cases(labels) and scores.max(axis=1).min() <= CERTAIN:
        scores = _shares(scores * by_size(line, scores, labels))
        if neighbours_tell(labels, known):
            scores = by_neighbours(words, scores, labels)
    return by_lexicon(known.lexicon, words, scores, labels) if known.lexicon else scores


def neighbours_tell(labels: Sequence[str], known: Known) -> bool:
    """Whether what follows what settles anything: in text of both cases of which nothing else is known."""
    return known.line and known.pattern is None and not known.lexicon and _has_both_cases(labels)


def _has_both_cases(labels: Sequence[str]) -> bool:
    """Whether there is anything for size and neighbours to settle, and the tables know all labels."""
    there = set(labels)
    return there <= set(load().labels) and any(label.isupper() and label.lower() in there for label in there)


def _shares(scores: Scores) -> Scores:
    return scores / scores.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]
