"""What was found on a picture: boxes, glyphs, words, lines."""

from dataclasses import dataclass

import numpy as np

from hwr_edge.ink import Pixels
from hwr_edge.locate.turn import Turn


@dataclass(frozen=True, order=True)
class Box:
    """A rectangle in pixels of the upright image; `x1` and `y1` are one past the last column and row."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Columns covered."""
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        """Rows covered."""
        return self.y1 - self.y0

    def union(self, other: "Box") -> "Box":
        """The smallest box around both."""
        return Box(
            min(self.x0, other.x0), min(self.y0, other.y0), max(self.x1, other.x1), max(self.y1, other.y1)
        )


@dataclass(frozen=True, eq=False)
class Glyph:
    """One piece of writing taken for a character.

    Attributes:
        box: tight around its ink, in pixels of the upright image, or of the page if that was turned.
        crop: uint8 (h, w) ink plane, 0 paper to 255 ink, holding only this glyph's ink; its scale may
            differ from the box's, because large pictures are worked on reduced.
    """

    box: Box
    crop: Pixels


@dataclass(frozen=True, eq=False)
class Word:
    """Glyphs without a gap between them, left to right; never empty."""

    glyphs: tuple[Glyph, ...]

    @property
    def box(self) -> Box:
        """Around all glyphs."""
        return around_boxes([glyph.box for glyph in self.glyphs])


@dataclass(frozen=True, eq=False)
class Line:
    """Words of one line of writing, left to right; never empty."""

    words: tuple[Word, ...]

    @property
    def box(self) -> Box:
        """Around all words."""
        return around_boxes([word.box for word in self.words])

    @property
    def glyphs(self) -> tuple[Glyph, ...]:
        """All glyphs of the line, left to right."""
        return tuple(glyph for word in self.words for glyph in word.glyphs)


@dataclass(frozen=True, eq=False)
class Layout:
    """Everything found, in reading order.

    Attributes:
        lines: top to bottom; empty where the picture is blank or holds only noise.
        polarity: "dark-on-light" or "light-on-dark", as found or as the caller forced it.
        kind: the layout used: "char", "word" or "page".
        turn: how the page lies in the image, where it was turned level to be read; boxes are the page's.
    """

    lines: tuple[Line, ...]
    polarity: str
    kind: str
    turn: Turn | None = None

    @property
    def glyphs(self) -> tuple[Glyph, ...]:
        """All glyphs in reading order."""
        return tuple(glyph for line in self.lines for glyph in line.glyphs)


def in_image(glyph: Glyph, turn: Turn) -> Box:
    """Where a glyph of a page that was turned stands in the image: tight around its ink there."""
    rows, columns = np.nonzero(glyph.crop >= glyph.crop.max() // 3)
    size = glyph.crop.shape
    x = glyph.box.x0 + (columns + 0.5) * glyph.box.width / size[1]
    y = glyph.box.y0 + (rows + 0.5) * glyph.box.height / size[0]
    points = turn.back(np.column_stack([x, y]))
    most = np.array(turn.within)
    x0, y0 = np.clip(np.floor(points.min(axis=0)), 0, most - 1).astype(int).tolist()
    x1, y1 = np.clip(np.ceil(points.max(axis=0)), (x0 + 1, y0 + 1), most).astype(int).tolist()
    return Box(x0, y0, x1, y1)


def around_boxes(boxes: list[Box]) -> Box:
    """The smallest box around all; there is at least one."""
    result = boxes[0]
    for box in boxes[1:]:
        result = result.union(box)
    return result
