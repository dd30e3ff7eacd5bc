"""What a reading says about itself: how much of it was cut out of joined ink, how much was left out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwr_edge.locate import Glyph, Line, Word
from hwr_edge.locate.layout import Box, Layout
from hwr_edge.reading import Reading, joined_share, left_out

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


@given(pieces=st.integers(1, 8), read=st.integers(0, 8))
def test_ink_in_no_glyph_that_is_read_is_counted(pieces: int, read: int) -> None:
    every = line(*((20 * n, 20 * n + 10) for n in range(pieces)))
    kept = Line((Word(every.glyphs[: min(read, pieces)]),))
    reading = Reading(Layout((every,), "dark-on-light", "word"), [kept], np.zeros((0, 10), np.float32))
    assert left_out(reading) == pytest.approx(1 - min(read, pieces) / pieces)
