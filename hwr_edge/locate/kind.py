"""One character, one line, or a page: what a picture holds when the caller does not say."""

from hwr_edge.locate.layout import Box, Layout, around_boxes

CHARACTER = 64  # pictures up to this size and nearly square are crops of one character
_STRIP = 120  # flat pictures up to this height are crops of one line


def from_shape(shape: tuple[int, ...]) -> str | None:
    """What the size of a picture says: "char", "word", or None where its ink has to be looked at."""
    height, width = shape[:2]
    if max(height, width) <= CHARACTER and max(height, width) < 1.8 * min(height, width):
        return "char"
    if height <= _STRIP and width >= 1.8 * height:
        return "word"
    return None


def from_ink(found: Layout) -> str:
    """What a picture's ink says: "char", "word" or "page".

    Args:
        found: the picture read as a page.
    """
    glyphs = found.glyphs
    if not glyphs:
        return "page"
    whole = around_boxes([glyph.box for glyph in glyphs])
    if len(glyphs) == 1:
        dash = whole.height < 0.3 * whole.width
        return "char" if dash or whole.width <= 1.8 * whole.height else "word"
    if len(glyphs) <= 4 and _one_broken([glyph.box for glyph in glyphs], whole):
        return "char"
    return "word" if len(found.lines) == 1 else "page"


def _one_broken(boxes: list[Box], whole: Box) -> bool:
    """Whether a few pieces are strokes of one character: close together, and no wider than a letter."""
    if whole.width > 1.3 * whole.height:
        return False
    size = max(whole.width, whole.height)
    largest = max(boxes, key=lambda box: box.width * box.height)
    return all(_distance(box, largest) <= (0.08 if box.height > 0.7 * size else 0.4) * size for box in boxes)


def _distance(one: Box, other: Box) -> int:
    """Pixels between two boxes along the axis on which they are further apart, at least 0."""
    beside = max(one.x0, other.x0) - min(one.x1, other.x1)
    above = max(one.y0, other.y0) - min(one.y1, other.y1)
    return max(beside, above, 0)
