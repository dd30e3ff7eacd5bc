"""A row in doubt, read several times as other hands would have written it.

The surest reading says where the characters are, all readings together what they are: where they agree the
answer is more often right than the first one alone, and where they differ its confidence says so.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwr_edge.context.decode import neighbours_tell
from hwr_edge.context.known import Known
from hwr_edge.locate.lean import Hand, rewritten
from hwr_edge.reading import Reading, Scores, mean, read_layout
from hwr_edge.segment.lattice import doubt

_HANDS = tuple(Hand(lean, width) for lean in (0.15, -0.15) for width in (0.9, 1.1))
_SURE = 0.99  # a row whose characters are all above this is not read again


def read_again(first: Reading, scores: Scores, known: Known) -> Reading:
    """The reading of a row by all hands, or `first` where that is sure or text settles what shapes do not.

    Args:
        first: the reading of the row as it was written.
        scores: what reads its glyphs.
        known: what it was read with.
    """
    found = first.found
    sure = first.table.max(axis=1).min(initial=1.0) > _SURE
    if sure or found.turn is not None or neighbours_tell(scores.labels, known):
        return first
    readings = [first, *(read_layout(rewritten(found, hand), scores, known) for hand in _HANDS)]
    surest = min(readings, key=_doubt)
    return Reading(surest.found, surest.lines, together(surest.table, [one.table for one in readings]))


def together(table: NDArray[np.float32], tables: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """What several readings say of the glyphs of one of them, float32 (N, C).

    One that found another number of glyphs says nothing about them but that they are in doubt.

    Args:
        table: (N, C) of that reading.
        tables: (M, C) of all readings.
    """
    nothing = np.full_like(table, 1 / table.shape[1])
    return np.mean([one if len(one) == len(table) else nothing for one in tables], axis=0)  # type: ignore[no-any-return]


def _doubt(reading: Reading) -> float:
    """What speaks against a reading, in nats a glyph; one without glyphs is the last to be taken."""
    best = reading.table.max(axis=1).tolist()
    return mean(map(doubt, best)) if best else math.inf
