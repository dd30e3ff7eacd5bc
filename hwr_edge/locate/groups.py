"""Pieces of ink into glyphs: dots onto i and j, the two halves of : and =, strokes over one another."""

import numpy as np
from numpy.typing import NDArray

from hwr_edge.locate.parts import Numbers, Parts, around

Flags = NDArray[np.bool_]


def group_row(parts: Parts, members: Numbers, height: float) -> list[Numbers]:
    """Gather the pieces of one line into glyphs.

    Args:
        parts: all pieces of the page.
        members: int64 (M,) indices of the line's pieces.
        height: usual height of the line's larger pieces, pixels.

    Returns:
        Per glyph the indices of its pieces; glyphs left to right.
    """
    members = members[np.argsort(parts.x0[members], kind="stable")]
    links = _links(parts, members, height)
    owner = np.arange(len(members))
    for first, second in np.argwhere(links):
        low, high = sorted((owner[first], owner[second]))
        owner[owner == high] = low
    glyphs = [members[owner == root] for root in np.unique(owner)]
    x0, _, x1, _ = around(parts, glyphs)
    return [glyphs[place] for place in np.argsort(x0 + x1, kind="stable")]


def _links(parts: Parts, members: Numbers, height: float) -> Flags:
    """Which pieces belong together: bool (M, M), row into column."""
    x0, y0, x1, y1 = (side[members].astype(np.float64) for side in (parts.x0, parts.y0, parts.x1, parts.y1))
    wide, tall = x1 - x0, y1 - y0
    middle, centre = (x0 + x1) / 2, (y0 + y1) / 2
    shared = np.minimum(x1[:, None], x1) - np.maximum(x0[:, None], x0)
    narrow = np.minimum(wide[:, None], wide)
    overlap = shared / np.maximum(narrow, 1)
    gap = np.maximum(np.maximum(y0[:, None], y0) - np.minimum(y1[:, None], y1), 0)
    small = tall < 0.5 * height
    mark, body = small[:, None] & ~small, small[:, None] & small
    over = (x0 <= middle[:, None]) & (middle[:, None] <= x1)
    inside = over & (y0 <= centre[:, None]) & (centre[:, None] <= y1)
    above = (
        (centre[:, None] < y0 + 0.2 * tall)
        & (np.maximum(x0 - 0.3 * height, 0) <= middle[:, None])
        & (middle[:, None] <= x1 + 0.3 * height)
        & (gap <= 0.7 * height)
        & (wide[:, None] <= 0.5 * height)
    )
    below = over & (centre[:, None] > y1 - 0.1 * tall) & (gap <= 0.45 * height)
    # Of the letters that a mark may belong to, it belongs to the nearest one.
    away = gap + np.abs(middle[:, None] - middle) + np.where(mark & (inside | above | below), 0, np.inf)
    nearest = np.zeros_like(inside)
    if len(members):
        nearest[np.arange(len(members)), np.argmin(away, axis=1)] = True
    attached = nearest & np.isfinite(away)
    alone = ~attached.any(axis=1)
    pairs = body & (overlap >= 0.5) & (gap <= 0.6 * height) & alone[:, None] & alone
    large = ~small[:, None] & ~small
    level = np.minimum(y1[:, None], y1) - np.maximum(y0[:, None], y0)
    stacked = large & (overlap >= 0.6) & (level < 0.5 * np.minimum(tall[:, None], tall))
    through = large & (overlap >= 0.8)
    touching = (overlap >= 0.6) & (gap <= 0.25 * height) & ~(small[:, None] & small)
    links = attached | touching | pairs | stacked | through | (mark & inside & (overlap >= 0.8))
    np.fill_diagonal(links, False)
    return links  # type: ignore[no-any-return]
