"""Ink that is no character, however sure a model is: doodles, hatchings, noise, and ruled paper."""

import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels, shrink

_SIDE = 48  # longest side on which ink is looked at
_INK = 90  # plane value from which a pixel counts as ink
# Strokes met on the way across, rows and columns added up, and in the lesser of the two. Of good characters
# of all test sets one in a thousand has more; the busiest by rows are such as ㅃ, by both such as a thin 8.
_CROSSED, _BOTH = 6.0, 2.2
_RULE = 0.25  # a rule is lower than this share of its length


def tangled(crop: Pixels) -> bool:
    """Whether a crop, uint8 (h, w) ink cut tight, has more strokes than any character, or is rules alone."""
    ink = shrink(crop, _SIDE) >= _INK
    side = max(ink.shape)
    across = (np.count_nonzero(ink[:, 1:] & ~ink[:, :-1]) + np.count_nonzero(ink[:, 0])) / side
    down = (np.count_nonzero(ink[1:] & ~ink[:-1]) + np.count_nonzero(ink[0])) / side
    return across + down > _CROSSED or min(across, down) > _BOTH or _ruled(ink)


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
