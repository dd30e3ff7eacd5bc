"""Cutting glyphs out of the plane, each with its own ink only."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import FINE, Pixels, shrink
from hwr_edge.locate.layout import Box, Glyph, around_boxes
from hwr_edge.locate.parts import Numbers, Parts, around
from hwr_edge.locate.plane import Plane

_AROUND = np.ones((3, 3), np.uint8)


def cut(plane: Plane, parts: Parts, groups: list[Numbers]) -> list[Glyph]:
    """Make a glyph of each group of pieces.

    Args:
        plane: the picture's depth and scale.
        parts: its pieces.
        groups: per glyph the indices of its pieces.
    """
    tables = _tables(plane, _peaks(parts, groups, plane.base))
    boxes = around(parts, groups).T.tolist()
    (sx, sy), (width, height) = plane.scale, plane.size
    glyphs = []
    for group, table, (x0, y0, x1, y1) in zip(groups, tables, boxes, strict=True):
        crop = _crop(plane, parts, group, table, (slice(y0, y1), slice(x0, x1)))
        box = Box(int(x0 * sx), int(y0 * sy), min(width, round(x1 * sx)), min(height, round(y1 * sy)))
        glyphs.append(Glyph(box, crop))
    return glyphs


def joined(glyphs: Sequence[Glyph]) -> Glyph:
    """One glyph of the strokes of a broken one; there is at least one."""
    box = around_boxes([glyph.box for glyph in glyphs])
    scale = max(glyph.box.width / glyph.crop.shape[1] for glyph in glyphs)
    crop = np.zeros((max(1, round(box.height / scale)), max(1, round(box.width / scale))), np.uint8)
    for glyph in glyphs:
        height, width = glyph.crop.shape
        y = min(round((glyph.box.y0 - box.y0) / scale), len(crop) - height)
        x = min(round((glyph.box.x0 - box.x0) / scale), crop.shape[1] - width)
        place = crop[max(0, y) : y + height, max(0, x) : x + width]
        np.maximum(place, glyph.crop[: len(place), : place.shape[1]], out=place)
    return Glyph(box, shrink(crop, FINE))


def _crop(plane: Plane, parts: Parts, group: Numbers, table: Pixels, window: tuple[slice, slice]) -> Pixels:
    labels = parts.labels[window]
    own = labels == parts.names[group[0]]
    for piece in group[1:]:
        own |= labels == parts.names[piece]
    # One pixel around the ink keeps the soft edge that the models know from single characters.
    soft = cv2.dilate(own.view(np.uint8), _AROUND)
    return np.multiply(table[plane.depth[window]], soft, dtype=np.uint8)


def _tables(plane: Plane, peaks: NDArray[np.float64]) -> Pixels:
    """Depth to ink per glyph, uint8 (G, 256): the stretch of `hwr_edge.ink.stretch`."""
    low = np.minimum(plane.base + 2.0 * plane.noise, peaks - 4)[:, None]
    ramp = (np.arange(256) - low) * (255 / (peaks[:, None] - low))
    return np.clip(ramp, 0, 255).astype(np.uint8)


def _peaks(parts: Parts, groups: list[Numbers], base: float) -> NDArray[np.float64]:
    """Depth of full ink per glyph: float64 (G,), the 60th percentile of its deeper half."""
    owner = np.full(parts.count, -1, np.int64)
    for index, group in enumerate(groups):
        owner[parts.names[group]] = index
    whose = owner[parts.which]
    ours = whose >= 0
    flat = whose[ours] * 256 + parts.depths[ours]
    histogram = np.bincount(flat, minlength=256 * len(groups)).reshape(len(groups), 256).astype(np.float64)
    deepest = 255 - np.argmax(histogram[:, ::-1] > 0, axis=1)
    histogram[np.arange(256) < base + 0.45 * (deepest[:, None] - base)] = 0
    running = np.cumsum(histogram, axis=1)
    return np.asarray(np.argmax(running >= 0.6 * running[:, -1:], axis=1), np.float64)
