"""A row of writing as another hand would have it: leaning more or less, wider or narrower."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from hwr_edge.locate.layout import Box, Glyph, Layout, Line, Word, around_boxes
from hwr_edge.locate.turn import Turn


@dataclass(frozen=True)
class Hand:
    """How another hand writes.

    Attributes:
        lean: columns further to the right per row upwards.
        width: so many times as wide.
    """

    lean: float
    width: float


def rewritten(found: Layout, hand: Hand) -> Layout:
    """The same glyphs in another hand; the `turn` of the result leads back to the picture.

    Args:
        found: the glyphs of one line at least, which nothing has turned yet.
        hand: see there.
    """
    around = around_boxes([glyph.box for glyph in found.glyphs])
    lines = tuple(
        Line(tuple(Word(tuple(_rewritten(g, hand, around.y1) for g in word.glyphs)) for word in line.words))
        for line in found.lines
    )
    back = np.array([[1 / hand.width, hand.lean, -hand.lean * around.y1], [0, 1, 0]], np.float64)
    return replace(found, lines=lines, turn=Turn(back, (around.x1, around.y1), (around.x1, around.y1)))


def _rewritten(glyph: Glyph, hand: Hand, foot: int) -> Glyph:
    """Column x of row y goes to width * (x + lean * (foot - y))."""
    rows, columns = glyph.crop.shape
    across, down = glyph.box.width / columns, glyph.box.height / rows
    slope = -hand.width * hand.lean * down / across  # columns of the crop per row downwards
    reach = slope * (rows - 1)
    matrix = np.array([[hand.width, slope, max(0.0, -reach)], [0, 1, 0]], np.float32)
    size = int(np.ceil(hand.width * columns + abs(reach))) + 1, rows
    crop = cv2.warpAffine(glyph.crop, matrix, size, flags=cv2.INTER_LINEAR)
    left, _, width, _ = cv2.boundingRect(crop)
    # The middle of the old crop's first pixel is in the new one's column `matrix[0, 2]`.
    x, y = glyph.box.x0 + across / 2, glyph.box.y0 + down / 2
    start = hand.width * (x + hand.lean * (foot - y)) - (float(matrix[0, 2]) + 0.5) * across
    x0 = round(start + left * across)
    box = Box(x0, glyph.box.y0, x0 + max(1, round(width * across)), glyph.box.y1)
    return Glyph(box, np.ascontiguousarray(crop[:, left : left + width]))
