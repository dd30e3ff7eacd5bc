"""Where the writing is on a picture: lines, words and glyphs in reading order."""

from hwr_edge.locate.assemble import find
from hwr_edge.locate.layout import Box, Glyph, Layout, Line, Word

__all__ = ["Box", "Glyph", "Layout", "Line", "Word", "find"]
