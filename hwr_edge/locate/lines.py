"""A picture of one line or of a page: its lines of words of glyphs."""

import itertools

import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels
from hwr_edge.locate.glyphs import cut
from hwr_edge.locate.groups import group_row
from hwr_edge.locate.layout import Glyph, Layout, Line, Word
from hwr_edge.locate.parts import Numbers, Parts, around, find_parts
from hwr_edge.locate.plane import prepare
from hwr_edge.locate.rows import Rows, find_rows
from hwr_edge.locate.rules import remove_rules
from hwr_edge.locate.words import gap_limit

Reals = NDArray[np.float64]

_SPACED = 0.3  # gap in line heights that most of widely spaced lettering keeps
_TOUCHING = 0.12  # gap in line heights that only strokes of one letter leave there
_LEAST_HEIGHT = 5  # pixels; what is smaller cannot be read


def find_lines(image: Pixels, layout: str, invert: str) -> Layout:
    """The writing of a picture, read as a "word" or as a "page"; see `hwr_edge.locate.find`."""
    plane = prepare(image, invert, layout == "word")
    mask, rules = (plane.mask, None) if plane.clean else remove_rules(plane.mask, plane.depth)
    parts = find_parts(plane, mask, rules)
    if not len(parts.names) or parts.height < _LEAST_HEIGHT:
        return Layout((), plane.polarity, layout)
    rows = _single_row(parts) if layout == "word" else find_rows(parts)
    members = [np.flatnonzero(rows.index == row) for row in range(len(rows.height))]
    grouped = [
        group_row(parts, row, height) for row, height in zip(members, rows.height.tolist(), strict=True)
    ]
    grouped = _join_broken(parts, grouped, rows.height)
    gaps = [_gaps(parts, groups, height) for groups, height in zip(grouped, rows.height, strict=True)]
    limit = gap_limit(np.concatenate(gaps))
    glyphs = iter(cut(plane, parts, [group for groups in grouped for group in groups]))
    lines = tuple(
        _line(list(itertools.islice(glyphs, len(groups))), between > limit)
        for groups, between in zip(grouped, gaps, strict=True)
    )
    return Layout(lines, plane.polarity, layout, plane.turn)


def _single_row(parts: Parts) -> Rows:
    """All pieces on one line."""
    heights = parts.y1 - parts.y0
    tall = heights[heights >= 0.5 * parts.height]
    usual = float(np.median(tall if len(tall) else heights))
    return Rows(np.zeros(len(heights), np.int64), np.array([usual]))


def _line(glyphs: list[Glyph], breaks: NDArray[np.bool_]) -> Line:
    """Words of one line; `breaks` says after which glyphs a word ends."""
    ends = [*(np.flatnonzero(breaks) + 1).tolist(), len(glyphs)]
    starts = [0, *ends[:-1]]
    return Line(tuple(Word(tuple(glyphs[start:end])) for start, end in zip(starts, ends, strict=True)))


def _join_broken(parts: Parts, grouped: list[list[Numbers]], heights: Reals) -> list[list[Numbers]]:
    """In widely spaced lettering, pieces that nearly touch are strokes of one letter."""
    gaps = [_gaps(parts, groups, height) for groups, height in zip(grouped, heights, strict=True)]
    every = np.concatenate(gaps)
    if len(every) < 3 or np.quantile(every, 0.3) < _SPACED:
        return grouped
    joined = []
    for groups, between, height in zip(grouped, gaps, heights, strict=True):
        row = [groups[0]]
        for group, gap in zip(groups[1:], between, strict=True):
            below = parts.y0[group].min() - parts.y1[row[-1]].max()
            above = parts.y0[row[-1]].min() - parts.y1[group].max()
            if gap < _TOUCHING and max(below, above) < _TOUCHING * height:
                row[-1] = np.concatenate([row[-1], group])
            else:
                row.append(group)
        joined.append(row)
    return joined


def _gaps(parts: Parts, groups: list[Numbers], height: float) -> Reals:
    """Gaps between neighbouring glyphs in heights of their line."""
    x0, _, x1, _ = around(parts, groups)
    return np.asarray((x0[1:] - np.maximum.accumulate(x1)[:-1]) / height, np.float64)
