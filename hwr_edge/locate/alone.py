"""The one character of a picture, amid whatever surrounds it."""

from collections.abc import Iterator

from hwr_edge.ink import (
    DARK_ON_LIGHT,
    LIGHT_ON_DARK,
    RIM,
    WIDEST,
    Pixels,
    char_crop,
    resolve_polarity,
    stroke_polarities,
)
from hwr_edge.locate import kind
from hwr_edge.locate.glyphs import joined
from hwr_edge.locate.layout import Box, Glyph, Layout, Line, Word, in_image
from hwr_edge.locate.lines import find_lines
from hwr_edge.locate.turn import Turn

_WIDEST = 0.2  # of the picture: strokes of a character that leaves room about it
_LARGE = 0.4  # of the picture: so large may a sheet be before a desk
_FULL = 0.75  # of its box: what a sheet fills; of letters only bars and dots do, and they are small
_MUCH = 0.7  # of the ink's box that a character amid it may fill


def find_character(image: Pixels, invert: str, page: Layout | None = None) -> Layout:
    """The one character of a picture, no line where it is blank or holds only noise.

    Shadows, desks and frames come in from the picture's edges and are large, or take the paper for ink. Where
    that may have been, the picture is looked at in other ways; a character that is cut tight stays as it is.

    Args:
        image: uint8 (H, W) or BGR (H, W, 3), upright.
        invert: see `hwr_edge.locate.find`.
        page: the same picture read as a page, where that was done already.
    """
    whole = _crop(image, invert)
    if max(image.shape[:2]) > kind.CHARACTER:
        polarities = stroke_polarities(image) if invert == "auto" else {resolve_polarity(image, invert)}
        stray = whole is None or whole.polarity not in polarities or _stray(whole, image)
        if whole and whole.polarity in polarities and not _sheet(whole) and _near(_box(whole), image, 0) < 2:
            polarities = {whole.polarity}  # of two, that of ink which looks right otherwise
        for other in _looked_at_again(image, invert, page, polarities) if stray else ():
            if _better(other, whole, image):
                return other
    return whole or Layout((), resolve_polarity(image, invert), "char")


def _looked_at_again(
    image: Pixels, invert: str, page: Layout | None, polarities: set[str]
) -> Iterator[Layout]:
    """What else the character may be: the one that a page holds, and that which narrow strokes make up."""
    page = page or find_lines(image, "page", invert)
    if page.polarity in polarities and kind.from_ink(page) == "char":
        yield _alone(joined(page.glyphs), page.polarity, page.turn)
    for one, polarity in (("no", DARK_ON_LIGHT), ("yes", LIGHT_ON_DARK)):
        if polarity in polarities and (found := _crop(image, one, _WIDEST)):
            yield found


def _stray(whole: Layout, image: Pixels) -> bool:
    """Whether ink comes near two of the picture's edges, or is large; one alone may cut a dot or a tail."""
    return _near(_box(whole), image, RIM) > 1 or _area(whole) > _LARGE * image.shape[0] * image.shape[1]


def _sheet(whole: Layout) -> bool:
    """Whether the ink fills its box as no letter does, but as paper with a letter on it."""
    return bool((whole.glyphs[0].crop > 0).mean() > _FULL)


def _better(other: Layout, whole: Layout | None, image: Pixels) -> bool:
    """Whether it is clear of the picture's edges, and much smaller, or ink where the whole is paper."""
    if whole is None or _area(other) < _MUCH * _area(whole):
        return not _near(_box(other), image, 0)
    return other.polarity != whole.polarity and not _near(_box(other), image, RIM)


def _area(found: Layout) -> int:
    box = _box(found)
    return box.width * box.height


def _crop(image: Pixels, invert: str, widest: float = WIDEST) -> Layout | None:
    found = char_crop(image, invert, widest)
    return _alone(Glyph(Box(*found.box), found.patch), found.polarity) if found else None


def _alone(glyph: Glyph, polarity: str, turn: Turn | None = None) -> Layout:
    return Layout((Line((Word((glyph,)),)),), polarity, "char", turn)


def _box(found: Layout) -> Box:
    """Where the only glyph is in the image."""
    [glyph] = found.glyphs
    return in_image(glyph, found.turn) if found.turn else glyph.box


def _near(box: Box, image: Pixels, rim: float) -> int:
    """To how many of the picture's edges a box comes near, within a share of the picture's longer side."""
    height, width = image.shape[:2]
    room = 1 + rim * max(height, width)
    return sum(gap <= room for gap in (box.x0, box.y0, width - box.x1, height - box.y1))
