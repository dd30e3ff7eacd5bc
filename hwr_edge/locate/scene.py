"""The sheet of paper in a picture, and which way round its ink is."""

from dataclasses import dataclass

import cv2
import numpy as np

from hwr_edge.ink import DARK_ON_LIGHT, LIGHT_ON_DARK, Pixels, luminance, shrink
from hwr_edge.locate.turn import Turn, levelling, slant

_SIDE = 200  # longest side on which the sheet is looked for
_SMALLEST = 200  # pictures smaller than this are crops of writing: no sheet to find in them
_SHADE = 0.5  # surroundings darker than this share of the sheet are not paper in shadow
_NEAR = 8  # a pixel's surroundings are this part of the longer side: wider than the thickest stroke
_LEVEL = 0.04  # radians: rows of a sheet that is turned by less are found as they are


@dataclass(frozen=True, eq=False)
class Sheet:
    """A light sheet before dark surroundings.

    Attributes:
        mask: uint8 (H, W), 255 on the sheet, a margin inside its edge.
        turn: what makes it level, None where it is.
    """

    mask: Pixels
    turn: Turn | None


def find_sheet(grey: Pixels) -> Sheet | None:
    """Find a light sheet before dark surroundings.

    Args:
        grey: uint8 (H, W), the darkest channel, so that coloured cloth and skin count as dark.

    Returns:
        The sheet, or None where the whole picture is paper: paper half in shadow stays whole, because shadow
        is lighter than `_SHADE` of the light.
    """
    if max(grey.shape) < _SMALLEST:
        return None
    small = shrink(grey, _SIDE)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, _box(_SIDE // 16))
    _, bright = cv2.threshold(closed, 0, 255, cv2.THRESH_OTSU)
    light, dark = closed[bright > 0], closed[bright == 0]
    if not len(light) or len(dark) < 0.06 * closed.size:
        return None
    if float(np.median(dark)) > _SHADE * float(np.median(light)):
        return None
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cv2.erode(bright, _box(3)), connectivity=4)
    if count < 2:
        return None
    best = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    sheet = cv2.dilate((labels == best).astype(np.uint8), _box(3))
    contours, _ = cv2.findContours(sheet, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    outline = np.asarray(max(contours, key=cv2.contourArea), np.int32)
    area = cv2.contourArea(outline)
    if area < 0.12 * closed.size or area < 0.75 * cv2.contourArea(cv2.convexHull(outline)):
        return None
    filled = cv2.drawContours(np.zeros_like(small), [outline], -1, 255, cv2.FILLED)
    # The picture's own border is no edge of the sheet: writing may run out of view there.
    inside = cv2.erode(filled, _box(5), borderType=cv2.BORDER_REPLICATE)
    mask = cv2.resize(inside, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    mask = cv2.threshold(mask, 127, 255, cv2.THRESH_BINARY)[1]
    angle = slant(outline, small.shape)
    scale = grey.shape[1] / small.shape[1], grey.shape[0] / small.shape[0]
    turn = levelling(outline, small.shape, angle).scaled(scale) if abs(angle) > _LEVEL else None
    return Sheet(mask, turn)  # type: ignore[arg-type]


def page_polarity(image: Pixels) -> str:
    """Tell dark ink from light by which of the two departs further from the local mean.

    Args:
        image: uint8 (H, W) or BGR (H, W, 3).
    """
    step = 1 + max(image.shape[:2]) // 600
    small = image[::step, ::step]
    grey = luminance(small)
    side = max(5, max(grey.shape) // _NEAR) | 1
    rest = grey.astype(np.float32)
    rest -= cv2.blur(rest, (side, side))
    return DARK_ON_LIGHT if float((rest * rest * rest).sum()) <= 0 else LIGHT_ON_DARK


def _box(side: int) -> Pixels:
    return np.ones((side, side), np.uint8)
