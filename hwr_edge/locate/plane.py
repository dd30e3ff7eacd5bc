"""From pixels to depth of ink below the paper, and the mask of what counts as ink."""

from dataclasses import dataclass

import cv2
import numpy as np

from hwr_edge.ink import DARK_ON_LIGHT, LIGHT_ON_DARK, Pixels, histogram_quantile, shrink, to_grey
from hwr_edge.locate.field import field_ink
from hwr_edge.locate.scene import Sheet, find_sheet, page_polarity
from hwr_edge.locate.turn import Turn

_WORK = 1600  # longest side that pictures are worked on
_FIELD = 30, 120  # heights between which a line is cleaned as a field of a form
_REDUCE = 4  # the paper's brightness is followed on a picture so many times smaller
_SHARE_PAGE, _SHARE_LINE = 0.27, 0.33  # of the nearby ink's depth: from here on a pixel is ink
_REACH = 0.025  # of the longest side: how far that ink may be
_FAINT, _STRONG = (6.0, 3.0), (10.0, 5.0)  # least depth of ink's edges and core: grey levels, times noise


@dataclass(frozen=True)
class Plane:
    """A picture made ready for finding writing.

    Attributes:
        depth: uint8 (h, w) grey levels below the paper, working scale.
        mask: uint8 (h, w) 255 where there is ink.
        base: depth of plain paper, grey levels.
        noise: its standard deviation, grey levels.
        strong: depth, grey levels, that a piece of ink has to reach somewhere.
        sheet: uint8 (h, w) mask of the sheet, None where the whole picture is paper.
        polarity: "dark-on-light" or "light-on-dark".
        scale: (x, y) factors from this plane's pixels to those of the picture, or of the page turned level.
        size: width and height that these factors lead to.
        turn: how that page lies in the picture, None where it is the picture itself.
        clean: rules, dirt and edges are gone from the mask already.
    """

    depth: Pixels
    mask: Pixels
    base: float
    noise: float
    strong: float
    sheet: Pixels | None
    polarity: str
    scale: tuple[float, float]
    size: tuple[int, int]
    turn: Turn | None = None
    clean: bool = False


def prepare(image: Pixels, invert: str, one_line: bool) -> Plane:
    """Flatten the paper, decide the polarity, and threshold each place by its own ink.

    Args:
        image: uint8 (H, W) or BGR (H, W, 3).
        invert: "auto", "yes" for light ink, "no" for dark ink.
        one_line: the picture is a field with one pen's writing, perhaps on patterned paper, so that one ink
            level does for all of it; on a page each place has its own.
    """
    work = shrink(image, _WORK)
    scale = (image.shape[1] / work.shape[1], image.shape[0] / work.shape[0])
    size = image.shape[1], image.shape[0]
    polarity, grey, found = _polarity(work, invert)
    if one_line and found is None and _FIELD[0] < min(grey.shape) < _FIELD[1]:
        return _field(grey, polarity, scale, size)
    sheet, turn = (found.mask, found.turn) if found else (None, None)
    if sheet is not None and turn:
        grey, sheet = turn.level(grey), turn.level(sheet, cv2.BORDER_CONSTANT)
        turn = turn.scaled(scale)
        size = turn.size
    depth: Pixels = cv2.subtract(_paper(grey), grey)  # type: ignore[assignment]
    if sheet is not None:
        depth = cv2.bitwise_and(depth, sheet)  # type: ignore[assignment]
    base, noise = _noise(depth, sheet)
    faint, strong = (base + max(levels, share * noise) for levels, share in (_FAINT, _STRONG))
    otsu, _ = cv2.threshold(depth, 0, 255, cv2.THRESH_OTSU)
    if one_line:
        faint = max(faint, min(strong, otsu))
    mask = _threshold(depth, base, faint, one_line)
    return Plane(depth, mask, base, noise, min(strong, otsu), sheet, polarity, scale, size, turn)


def _field(grey: Pixels, polarity: str, scale: tuple[float, float], size: tuple[int, int]) -> Plane:
    """One line, perhaps on patterned paper: pattern and rules are left out of the mask."""
    depth, mask = field_ink(grey)
    # Crops start from 0.6 of the shallowest ink: `cut` takes twice the noise for paper.
    least = int(depth[mask > 0].min(initial=255))
    return Plane(depth, mask, 0.0, 0.3 * least, 0.0, None, polarity, scale, size, clean=True)


def _polarity(work: Pixels, invert: str) -> tuple[str, Pixels, Sheet | None]:
    """Polarity, the grey picture with ink dark, and the sheet; a light sheet before dark settles it."""
    if invert != "yes":
        dark = to_grey(work, DARK_ON_LIGHT)
        sheet = find_sheet(dark)
        if invert == "no" or sheet is not None or page_polarity(work) == DARK_ON_LIGHT:
            return DARK_ON_LIGHT, dark, sheet
    return LIGHT_ON_DARK, cv2.bitwise_not(to_grey(work, LIGHT_ON_DARK)), None  # type: ignore[return-value]


def _paper(grey: Pixels) -> Pixels:
    """Brightness of the paper under dark ink: a closing wider than any stroke; steps of light stay steps."""
    reduce = _REDUCE if max(grey.shape) > 400 else 2 if max(grey.shape) > 100 else 1
    size = (max(1, grey.shape[1] // reduce), max(1, grey.shape[0] // reduce))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
    wide = 0.1 if max(grey.shape) > 400 else 0.13
    side = max(7, min(int(wide * max(size)), int(0.5 * min(size)))) | 1
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return cv2.resize(cv2.blur(closed, (3, 3)), grey.shape[::-1], interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _noise(depth: Pixels, sheet: Pixels | None) -> tuple[float, float]:
    """Median depth of the paper and the noise about it, from every third row and column.

    The noise is taken from the shallow half, which holds no ink; where that half is clipped, from the grain.
    """
    sample = depth[::3, ::3]
    values = sample.ravel() if sheet is None else sample[sheet[::3, ::3] > 0]
    histogram = np.bincount(values, minlength=256)
    base = histogram_quantile(histogram, 0.5)
    shallow = histogram[: base + 1][::-1]
    return float(base), max(1.0, 1.4826 * histogram_quantile(shallow, 0.5), _grain(depth))


def _grain(depth: Pixels) -> float:
    """What three pixels in four differ at most from those around them: noise that clipping cannot hide."""
    rest = cv2.absdiff(depth, cv2.medianBlur(depth, 3))[::3, ::3]
    return float(histogram_quantile(np.bincount(rest.ravel(), minlength=256), 0.75))


def _threshold(depth: Pixels, base: float, faint: float, one_line: bool) -> Pixels:
    """Ink is deeper than the noise and than a share of the deepest ink nearby, so that inks may differ."""
    cell = 8 if max(depth.shape) > 400 else 4
    size = (max(1, depth.shape[1] // cell), max(1, depth.shape[0] // cell))
    smooth = cv2.dilate(cv2.blur(depth, (3, 3)), np.ones((cell, cell), np.uint8))
    peaks = cv2.resize(smooth, size, interpolation=cv2.INTER_NEAREST)
    reach, share = (1.0, _SHARE_LINE) if one_line else (_REACH, _SHARE_PAGE)
    side = max(3, int(reach * max(size))) | 1
    near = cv2.blur(cv2.dilate(peaks, np.ones((side, side), np.uint8)), (side, side))
    level = cv2.convertScaleAbs(near, alpha=share, beta=base * (1 - share))
    level = cv2.resize(level, depth.shape[::-1], interpolation=cv2.INTER_LINEAR)
    level = np.maximum(level, np.uint8(min(faint, 255)))
    return cv2.compare(depth, level, cv2.CMP_GT)  # type: ignore[return-value]
