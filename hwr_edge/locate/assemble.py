"""The one entry: picture in, lines of words of glyphs out."""

from dataclasses import replace

from hwr_edge.ink import Pixels
from hwr_edge.locate import kind
from hwr_edge.locate.alone import find_character
from hwr_edge.locate.layout import Layout
from hwr_edge.locate.lines import find_lines

LAYOUTS = ("auto", "char", "word", "page")
INVERTS = ("auto", "yes", "no")


def find(image: Pixels, layout: str = "auto", invert: str = "auto") -> Layout:
    """Find the writing on a picture.

    Args:
        image: uint8 (H, W) or BGR (H, W, 3), upright.
        layout: "char" for exactly one character, "word" for one line, "page" for all lines, "auto" decides.
        invert: "yes" if the ink is lighter than its ground, "no" if darker, "auto" decides.

    Returns:
        Lines of words of glyphs in reading order; no lines where the picture is blank or holds only noise.

    Raises:
        ValueError: an unknown `layout` or `invert`.
    """
    if layout not in LAYOUTS or invert not in INVERTS:
        raise ValueError(f"layout {layout!r} must be one of {LAYOUTS}, invert {invert!r} of {INVERTS}")
    if layout == "auto":
        layout = kind.from_shape(image.shape) or "auto"
    if layout == "char":
        return find_character(image, invert)
    if layout != "auto":
        return find_lines(image, layout, invert)
    found = find_lines(image, "page", invert)
    chosen = kind.from_ink(found)
    if chosen == "char":
        return find_character(image, invert, found)
    return replace(found, kind=chosen)
