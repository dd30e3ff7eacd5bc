"""What a reading says about itself: how much of it was cut out of joined ink."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwr_edge.locate import Glyph, Line, Word
from hwr_edge.locate.layout import Box
from hwr_edge.reading import joined_share

CROP = np.full((20, 10), 255, np.uint8)


def line(*edges: tuple[int, int]) -> Line:
    return Line((Word(tuple(Glyph(Box(x0, 0, x1, 20), CROP) for x0, x1 in edges)),))


@given(pieces=st.lists(st.integers(1, 5), min_size=1, max_size=12))
def test_characters_that_share_their_ink_are_counted(pieces: list[int]) -> None:
    located = line(*((100 * n, 100 * n + 90) for n in range(len(pieces))))
    edges = [100 * n + 18 * part for n, count in enumerate(pieces) for part in range(count)]
    cut = line(*((edge, edge + 18) for edge in edges))
    shared = sum(count for count in pieces if count > 1)
    assert joined_share([located], [cut]) == pytest.approx(shared / sum(pieces))


def test_nothing_shares_nothing() -> None:
    assert joined_share([line((0, 9))], []) == 0.0
