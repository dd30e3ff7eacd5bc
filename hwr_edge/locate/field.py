"""Ink of one line on patterned paper, as on cheques: pattern, rules and frame left out."""

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels

Reals = NDArray[np.float32]

_SMOOTH = 1 / 90  # blur as a share of the height, at least one pixel: patterns are finer than pens
_NEAR = 0.3  # neighbourhood that sets the paper's brightness, as a share of the height
_LOW, _HIGH = 0.33, 0.6  # shares of the ink's depth: from the first on ink may be, the second makes it sure
_SURE = 7  # pixels of sure ink a piece must have
_CROSSING = 0.82  # share of the width that a rule covers
_TILTS = (-4, -2, 0, 2, 4)  # rows a rule may rise over two thirds of the width
_EDGE = 0.14  # beyond a rule this near the upper or lower edge there is no writing


def field_ink(grey: Pixels) -> tuple[Pixels, Pixels]:
    """Find the writing in a picture of one line, dark on light.

    The paper's brightness is the mean of what is not ink, found in three rounds; the pattern's strength is
    read from the side that is lighter than the paper, where there is no ink. Ink is what hangs together
    with pixels as deep as the pen's.

    Args:
        grey: uint8 (H, W), dark ink on light paper.

    Returns:
        uint8 (H, W) depth below the paper in grey levels, and the mask of ink (0 or 255).
    """
    smooth = cv2.GaussianBlur(grey, (0, 0), max(1.0, _SMOOTH * len(grey))).astype(np.float32)
    paper, noise = _paper(smooth)
    depth = np.clip(paper - smooth, 0, 255).astype(np.uint8)
    otsu, _ = cv2.threshold(depth, 0, 255, cv2.THRESH_OTSU)
    above = depth[depth > max(otsu, 2 * noise)]
    if not above.size:
        return depth, np.zeros_like(depth)
    place = int(0.7 * (above.size - 1))
    pen = float(np.partition(above, place)[place])  # np.percentile would import numpy.ma, 0.1 s
    low = max(_LOW * pen, min(2 * noise, 0.5 * pen))
    high = max(_HIGH * pen, min(3 * noise, 0.8 * pen))
    mask = (depth > low).astype(np.uint8)
    gone = _rules(mask, depth) | _sides(mask)
    depth[gone > 0] = 0
    mask[gone > 0] = 0
    return depth, _sure_pieces(mask, depth > high)


def _paper(smooth: Reals) -> tuple[Reals, float]:
    """Brightness of the paper everywhere, and the strength of its pattern in grey levels."""
    height, width = smooth.shape
    small: Reals = np.ascontiguousarray(smooth[::2, ::2])
    side = int(_NEAR * height) | 1
    paper = np.full_like(small, np.median(small))
    noise = 1.0
    for _ in range(3):
        rise = small - paper
        lighter = rise[rise > 0]
        noise = 1.4826 * float(np.median(lighter)) if lighter.size else 1.0
        bare = (rise > -2 * noise - 1).astype(np.float32)
        share = cv2.blur(bare, (side, side))
        level = cv2.blur(small * bare, (side, side)) / np.maximum(share, np.float32(0.05))
        paper = level.astype(np.float32)
        paper[share < 0.05] = np.median(paper)
    return cv2.resize(paper, (width, height)), noise  # type: ignore[return-value]


def _rules(mask: Pixels, depth: Pixels) -> Pixels:
    """Printed rules from side to side, 1 where to be removed; ink across one is deeper and stays."""
    height, width = mask.shape
    third = width // 3
    gone = np.zeros_like(mask)
    if third < 4:
        return gone
    thick = cv2.dilate(mask, np.ones((3, 1), np.uint8))
    starts = (0, third, 2 * third, width)
    cover = [thick[:, a:b].mean(axis=1) for a, b in pairwise(starts)]
    for tilt in _TILTS:
        sloped = [np.roll(part, -place * tilt // 2) for part, place in zip(cover, (-1, 0, 1), strict=True)]
        rows = np.flatnonzero(np.minimum.reduce(sloped) > _CROSSING)
        for run in np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1):
            if not 0 < len(run) <= max(11, 0.15 * height):
                continue
            band = np.zeros_like(mask)
            for place, (a, b) in zip((-1, 0, 1), pairwise(starts), strict=True):
                above, below = run[0] + place * tilt // 2 - 1, run[-1] + place * tilt // 2 + 2
                rows_of_rule = slice(max(0, int(above)), max(0, int(below)))
                band[rows_of_rule, a:b] = mask[rows_of_rule, a:b]
            gone |= band & ~_crossing(mask, depth, band)
            if run[-1] > (1 - _EDGE) * height:
                gone[run[-1] + 1 :] = 1
            if run[0] < _EDGE * height:
                gone[: run[0]] = 1
    return gone


def _crossing(mask: Pixels, depth: Pixels, band: Pixels) -> Pixels:
    """Ink in the band of a rule that runs on above or below and is deeper than the rule; 0 or 1."""
    if not band.any():
        return band
    tall = int(np.median(band.sum(axis=0))) + 3
    upright = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((tall, 1), np.uint8))
    deeper = (depth > 1.1 * float(np.median(depth[band > 0]))).astype(np.uint8)
    return cv2.bitwise_and(upright, deeper)  # type: ignore[return-value]


def _sides(mask: Pixels) -> Pixels:
    """Upright lines of a frame near the left and right edge, 1 where to be removed."""
    width = mask.shape[1]
    gone = np.zeros_like(mask)
    cover = cv2.dilate(mask, np.ones((1, 3), np.uint8)).mean(axis=0)
    for column in np.flatnonzero(cover > 0.93).tolist():
        if 0.12 * width < column < 0.88 * width:
            continue
        around = mask[:, max(0, column - 4) : column + 5].sum(axis=1)
        if np.median(around) <= 4:
            gone[:, max(0, column - 1) : column + 2] = 1
    return gone


def _sure_pieces(mask: Pixels, sure: NDArray[np.bool_]) -> Pixels:
    """Pieces of the mask with sure ink in them that are not scraps along the picture's edges; 0 or 255."""
    rows, columns = mask.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    x, y, width, height, area = stats.T
    keep = np.bincount(labels[sure], minlength=count) >= _SURE
    above_below = (y <= 1) | (y + height >= rows - 1)
    beside = (x <= 1) | (x + width >= columns - 1)
    keep &= ~(above_below & (height <= 6) & (width > 2 * height))
    keep &= ~(beside & (width <= 5) & (height > 3 * width) & (area > 0.6 * width * height))
    keep &= ~(((y <= 0) | (y + height >= rows)) & (height < 0.2 * rows) & (area < 0.03 * rows * rows))
    keep[0] = False
    table: Pixels = np.where(keep, 255, 0).astype(np.uint8)
    kept: Pixels = table[labels]
    return kept
