"""Ink that is no character, however sure a model is: doodles, hatchings, noise, rules, printed boxes."""

import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import INK, Pixels, shrink

_SIDE = 48  # longest side on which ink is looked at
# Strokes met on the way across, rows and columns added up, and in the lesser of the two. Of good characters
# of all test sets one in a thousand has more; the busiest by rows are such as ㅃ, by both such as a thin 8.
_CROSSED, _BOTH = 6.0, 2.2
_RULE = 0.25  # a rule is lower than this share of its length
_STRAIGHT = 0.03  # of the width across it: no hand draws all four sides of a box straighter


def tangled(crop: Pixels) -> bool:
    """Whether a crop, uint8 (h, w) ink cut tight, is more strokes than any character, rules or a box."""
    ink = shrink(crop, _SIDE) >= INK
    side = max(ink.shape)
    across = (np.count_nonzero(ink[:, 1:] & ~ink[:, :-1]) + np.count_nonzero(ink[:, 0])) / side
    down = (np.count_nonzero(ink[1:] & ~ink[:-1]) + np.count_nonzero(ink[0])) / side
    return across + down > _CROSSED or min(across, down) > _BOTH or _ruled(ink) or _boxed(ink)


def flat(crop: Pixels) -> bool:
    """Whether a crop, uint8 (h, w) ink cut tight, may be a rule: much wider than high."""
    return bool(crop.shape[0] <= _RULE * crop.shape[1])


def _ruled(ink: NDArray[np.bool_]) -> bool:
    """Two strokes or more one over the other, each slim and as long as the whole."""
    rows = ink.any(axis=1)
    if rows.all():
        return False
    width = ink.shape[1]
    edges = np.flatnonzero(np.diff(np.concatenate([[0], rows, [0]])))
    bands = [ink[start:end] for start, end in zip(edges[::2], edges[1::2], strict=True)]
    slim = all(len(band) <= _RULE * width for band in bands)
    return slim and all(np.count_nonzero(band.any(axis=0)) > 0.95 * width for band in bands)


def _boxed(ink: NDArray[np.bool_]) -> bool:
    """Four straight sides about what is mostly paper, in ink large enough to show how straight they are."""
    top, left = ink.shape[0] // 4, ink.shape[1] // 4
    if max(ink.shape) < _SIDE or ink[top : len(ink) - top, left : ink.shape[1] - left].mean() > 0.5:
        return False
    return all(_straight(side) for side in (ink, ink[:, ::-1], ink.T, ink.T[:, ::-1]))


def _straight(ink: NDArray[np.bool_]) -> bool:
    """Whether ink begins at the left edge in every row but those at the ends, where corners are round."""
    end = len(ink) // 8
    rows = ink[end : len(ink) - end]
    return bool(rows.any(axis=1).all() and rows.argmax(axis=1).max() <= _STRAIGHT * ink.shape[1])
