"""A row in doubt is read again in other hands."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwr_edge.context.known import Known
from hwr_edge.hands import read_again, together
from hwr_edge.locate.layout import Box, Glyph, Layout, Line, Word, in_image
from hwr_edge.locate.lean import Hand, rewritten
from hwr_edge.reading import Reading

DIGITS = tuple("0123456789")


def bar(x: int, y: int, width: int, height: int, zoom: int = 1) -> Glyph:
    return Glyph(Box(x, y, x + zoom * width, y + zoom * height), np.full((height, width), 255, np.uint8))


def row(*glyphs: Glyph) -> Layout:
    return Layout((Line((Word(glyphs),)),), "dark-on-light", "word")


@given(st.floats(-0.4, 0.4), st.floats(0.7, 1.4), st.integers(0, 200), st.integers(1, 3), st.integers(4, 60))
def test_boxes_of_another_hand_lead_back_to_the_picture(
    lean: float, width: float, x: int, zoom: int, height: int
) -> None:
    found = row(bar(x, 30, 12, height, zoom), bar(x + 60, 10, 6, 40))
    written = rewritten(found, Hand(lean, width))
    assert written.turn is not None
    for glyph, other in zip(found.glyphs, written.glyphs, strict=True):
        back, box = in_image(other, written.turn), glyph.box
        assert (back.y0, back.y1) == pytest.approx((box.y0, box.y1), abs=zoom)
        assert (back.x0, back.x1) == pytest.approx((box.x0, box.x1), abs=2 + zoom)


def test_another_hand_leans_and_widens() -> None:
    upright = row(bar(10, 10, 4, 41))
    (leaning,) = rewritten(upright, Hand(0.5, 1.0)).glyphs
    head, foot = (np.flatnonzero(leaning.crop[at]).mean() for at in (0, -1))
    assert head - foot == pytest.approx(20, abs=0.6)
    (wide,) = rewritten(upright, Hand(0.0, 1.5)).glyphs
    assert wide.crop.shape[1] == pytest.approx(6, abs=1)
    assert rewritten(upright, Hand(0.0, 1.0)).glyphs[0].box == upright.glyphs[0].box


class Reader:
    """Reads bars as they were written one way, and in any other hand, where their edges are soft, another."""

    labels = DIGITS

    def __init__(self, sure: float, leaning: int) -> None:
        self.sure, self.leaning, self.calls = sure, leaning, 0

    def __call__(self, crops: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
        self.calls += 1
        label, sure = (7, self.sure) if all(crop.min() == 255 for crop in crops) else (self.leaning, 0.999)
        table = np.full((len(crops), 10), (1 - sure) / 9, np.float32)
        table[:, label] = sure
        return table


def first(reader: Reader) -> Reading:
    found = row(bar(10, 10, 20, 40), bar(50, 10, 22, 40))
    return Reading(found, found.lines, reader([glyph.crop for glyph in found.glyphs]))


def test_hands_that_differ_are_believed_and_leave_doubt() -> None:
    reader = Reader(0.6, leaning=9)
    before = first(reader)
    after = read_again(before, reader, Known())  # type: ignore[arg-type]
    assert before.table.argmax(axis=1).tolist() == [7, 7]
    assert after.table.argmax(axis=1).tolist() == [9, 9]
    assert after.table[0, 9] == pytest.approx((4 * 0.999 + 0.4 / 9) / 5, abs=1e-3)
    assert after.found.turn is not None


def test_a_sure_row_and_a_turned_page_are_read_once() -> None:
    reader = Reader(0.995, leaning=9)
    sure = first(reader)
    assert read_again(sure, reader, Known()) is sure  # type: ignore[arg-type]
    reader = Reader(0.6, leaning=9)
    unsure = first(reader)
    turned = replace(unsure, found=rewritten(unsure.found, Hand(0.0, 1.0)))
    assert read_again(turned, reader, Known()) is turned  # type: ignore[arg-type]
    assert reader.calls == 1


def test_readings_of_another_length_are_nothing_but_doubt() -> None:
    table = np.eye(10, dtype=np.float32)[[1, 2]]
    mixed = together(table, [table, table[:1]])
    assert mixed.sum(axis=1) == pytest.approx([1, 1])
    assert mixed.max(axis=1) == pytest.approx([0.55, 0.55])
