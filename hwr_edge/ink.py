"""Pixels to ink: the one normalisation that training, files, camera and web page share.

An *ink plane* is uint8 (H, W) with 0 for paper and 255 for full ink, whatever the polarity, light
and contrast of the picture it came from.
"""

import functools
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

DARK_ON_LIGHT = "dark-on-light"
LIGHT_ON_DARK = "light-on-dark"

_COARSE = 160  # longest side on which one character is searched for
FINE = 96  # longest side of the character that is cut out
_LARGE = 512  # longest side from which it pays to halve pictures first
_BACKGROUND = 32  # longest side on which the paper's brightness is estimated
INK = 90  # plane value from which a pixel counts as ink
_MIN_CONTRAST = 10.0  # grey levels; fainter marks than this are taken for paper
RIM = 0.07  # of the longest side: how far inwards a frame line at the picture's edge reaches
WIDEST = 0.45  # of the picture's longer side: no stroke is wider, even where a character is cut tight
_STROKES = (0.06, 0.12, 0.2)  # of the longest side: what is narrower is taken for a stroke
_RIM_SHARE = 0.85  # a component with more than this of its ink in the rim is such a line
_BOX = 0.8  # of the picture's sides: so far a printed box about the character reaches
_SHADOW = 0.1  # of the picture's range of brightness: so much a shadow takes, and ink goes beyond it
_PLANE = 1e-6  # spread of points, as a share of what it can be, from which they say how a plane leans
_MIN_SNR = 5.0  # contrast over noise; below, the picture is blank or noise


@dataclass(frozen=True)
class Ink:
    """An ink plane with what was found out on the way.

    Attributes:
        plane: uint8 (H, W), 0 paper to 255 ink.
        polarity: "dark-on-light" or "light-on-dark".
        contrast: grey levels between paper and ink; 0 where there is no ink.
    """

    plane: Pixels
    polarity: str
    contrast: float


@dataclass(frozen=True)
class CharCrop:
    """One character: uint8 (h, w) ink patch cut tight, and its box x0, y0, x1, y1 in image pixels."""

    patch: Pixels
    box: tuple[int, int, int, int]
    polarity: str


def to_grey(image: Pixels, polarity: str) -> Pixels:
    """One plane from uint8 (H, W) or BGR (H, W, 3): the channel in which ink stands out most."""
    if image.ndim == 2:
        return image
    blue, green, red = cv2.split(image)
    pick = cv2.min if polarity == DARK_ON_LIGHT else cv2.max
    return pick(pick(blue, green), red)  # type: ignore[return-value]


def luminance(image: Pixels) -> Pixels:
    """The brightness of uint8 (H, W) or BGR (H, W, 3) as the eye weighs it."""
    return image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)  # type: ignore[return-value]


def find_polarity(image: Pixels) -> str:
    """Tell dark ink from light ink by the skew of the picture about the plane through its border."""
    small = shrink(image, _BACKGROUND)
    grey = luminance(small)
    rest: NDArray[np.float32] = grey.astype(np.float32) - _border_plane(grey)
    return DARK_ON_LIGHT if float((rest**3).sum()) <= 0 else LIGHT_ON_DARK


def stroke_polarities(image: Pixels) -> set[str]:
    """Tell dark ink from light by strokes alone, whatever surrounds them: shadows and desks are wider.

    Three widths of stroke are tried: fine strokes mislead the wide ones, thick strokes the narrow. The truth
    is hardly ever missing from what they say; in a shadow the border tells it better.

    Args:
        image: uint8 (H, W) or BGR (H, W, 3).
    """
    if told := _told_by_shadow(image):
        return {told}
    grey = luminance(_sampled(image, 2 * _BACKGROUND))
    found = set()
    for width in _STROKES:
        kernel = np.ones((side := int(width * max(grey.shape)) | 1, side), np.uint8)
        dark, light = (
            float((cv2.morphologyEx(grey, how, kernel).astype(np.float32) ** 3).sum())
            for how in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT)
        )
        found.add(DARK_ON_LIGHT if dark >= light else LIGHT_ON_DARK)
    return found


def _told_by_shadow(image: Pixels) -> str | None:
    """Dark ink is darker even than a shadow that crosses the picture's border, light ink lighter than light.

    None where the border is evenly lit, or neither holds, as where ink itself reaches the border.
    """
    grey = luminance(_sampled(image, _COARSE))
    darkest, lightest = _range(grey.ravel(), 0.005)
    low, high = _range(grey.ravel()[_frame(*grey.shape).edge], 0.02)
    least = _SHADOW * (lightest - darkest)
    dark, light = low - darkest, lightest - high
    if high - low < least or max(dark, light) < max(least, 2 * min(dark, light)):
        return None
    return DARK_ON_LIGHT if dark > light else LIGHT_ON_DARK


def resolve_polarity(image: Pixels, invert: str) -> str:
    """`invert` is "auto", "yes" (the ink is light) or "no" (the ink is dark)."""
    return {"yes": LIGHT_ON_DARK, "no": DARK_ON_LIGHT}.get(invert) or find_polarity(image)


def shrink(image: Pixels, longest: int) -> Pixels:
    """Reduce so that the longest side is at most `longest` pixels; smaller pictures stay as they are."""
    while max(image.shape[:2]) > max(_LARGE, 3 * longest) and not (image.shape[0] % 2 or image.shape[1] % 2):
        # Halves are averaged ten times as fast as other shares.
        image = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    scale = longest / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def _sampled(image: Pixels, longest: int) -> Pixels:
    """`shrink` from a few of the pixels: many times as fast, and noisier."""
    step = max(1, max(image.shape[:2]) // (4 * longest))
    return shrink(image[::step, ::step], longest)


def ink_plane(image: Pixels, polarity: str, widest: float = WIDEST) -> Ink:
    """Flatten the paper's brightness and stretch what is darker than it to 0-255.

    Args:
        image: uint8 (H, W) or BGR (H, W, 3).
        polarity: as `find_polarity` names it.
        widest: stroke, as a share of the picture's longer side; what is wider is paper in the shade.
    """
    grey = to_grey(image, polarity)
    if polarity == LIGHT_ON_DARK:
        grey = cv2.bitwise_not(grey)  # type: ignore[assignment]
    ink = stretch(_depth(grey, widest), polarity)
    if not ink.contrast:  # grain may hide what stands out where neighbours share their brightness
        ink = stretch(_depth(cv2.blur(grey, (3, 3)), widest), polarity)  # type: ignore[arg-type]
    return ink


def _depth(grey: Pixels, widest: float) -> Pixels:
    """How far each pixel is below the paper."""
    return cv2.subtract(_paper(grey, widest), grey)  # type: ignore[return-value]


def stretch(depth: Pixels, polarity: str) -> Ink:
    """Map depth below the paper, uint8 (H, W), to an ink plane; all 0 where nothing rises above the noise."""
    histogram = np.bincount(depth.ravel(), minlength=256)
    base, noise = _noise(histogram)
    level, _ = cv2.threshold(depth, 0, 255, cv2.THRESH_OTSU)
    level = max(level, base + 2 * noise)
    peak = _percentile_above(histogram, level, 0.6)
    contrast = peak - base
    if contrast < max(_MIN_CONTRAST, _MIN_SNR * noise):
        return Ink(np.zeros_like(depth), polarity, 0.0)
    low = min(base + 2.0 * noise, peak - 4)
    table = np.clip((np.arange(256) - low) * (255 / (peak - low)), 0, 255).astype(np.uint8)
    return Ink(cv2.LUT(depth, table), polarity, contrast)  # type: ignore[arg-type]


def char_crop(image: Pixels, invert: str = "auto", widest: float = WIDEST) -> CharCrop | None:
    """Find the one character of a picture: all its ink, specks and the picture's own edges left out.

    Args:
        image: uint8 (H, W) or BGR (H, W, 3).
        invert: "auto", "yes" for light ink, "no" for dark ink.
        widest: see `ink_plane`.

    Returns:
        The character, or None where the picture is blank or holds only noise.
    """
    polarity = resolve_polarity(image, invert)
    coarse = shrink(image, _COARSE)
    found = _cut(ink_plane(coarse, polarity, widest).plane)
    if found is None:
        return None
    if coarse is image:
        patch, box = found
        return CharCrop(shrink(patch, FINE), box, polarity)
    scale_x, scale_y = image.shape[1] / coarse.shape[1], image.shape[0] / coarse.shape[0]
    x0, y0, x1, y1 = found[1]
    room = 0.15 * max(x1 - x0, y1 - y0) + 2
    left, top = max(0, int((x0 - room) * scale_x)), max(0, int((y0 - room) * scale_y))
    window = image[top : int((y1 + room) * scale_y) + 1, left : int((x1 + room) * scale_x) + 1]
    fine = shrink(window, FINE)
    again = _cut(ink_plane(fine, polarity).plane)
    if again is None:
        box = (int(x0 * scale_x), int(y0 * scale_y), round(x1 * scale_x), round(y1 * scale_y))
        return CharCrop(shrink(found[0], FINE), box, polarity)
    to_x, to_y = window.shape[1] / fine.shape[1], window.shape[0] / fine.shape[0]
    fx0, fy0, fx1, fy1 = again[1]
    box = (left + int(fx0 * to_x), top + int(fy0 * to_y), left + round(fx1 * to_x), top + round(fy1 * to_y))
    return CharCrop(again[0], box, polarity)


class _Frame(NamedTuple):
    """Where the pixels of a sheet of one size lie: a row 1, y, x each, those on the border apart."""

    everywhere: NDArray[np.float32]  # (H, W, 3)
    edge: NDArray[np.intp]  # indices of the border in a ravelled sheet
    border: NDArray[np.float64]  # (E, 3)


@functools.lru_cache(maxsize=256)
def _frame(height: int, width: int) -> _Frame:
    """Crops of one size are many: what does not hang on their pixels is worked out once."""
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    everywhere = np.stack([np.ones_like(rows), rows / height, columns / width], axis=-1)
    on_edge = np.ones((height, width), bool)
    on_edge[1:-1, 1:-1] = False
    return _Frame(everywhere, np.flatnonzero(on_edge), everywhere[on_edge].astype(np.float64))


def _border_plane(grey: Pixels) -> NDArray[np.float32]:
    """Brightness of a flat sheet: a plane fitted to the border pixels, ink among them trimmed once."""
    frame = _frame(*grey.shape)
    values = grey.ravel()[frame.edge].astype(np.float32)
    off = np.abs(values - _middle(values))
    kept = np.flatnonzero(off <= 2 * _middle(off) + 4)
    points = frame.border[kept]
    square, right = points.T @ points, points.T @ values[kept]
    # Three unknowns and coordinates of 0-1: the normal equations are as exact as float32 can show, and fast,
    # but where all points lie on one line there is no single plane: the flattest one is taken.
    if np.linalg.det(square) > _PLANE * len(kept) ** 3:
        weights = np.linalg.solve(square, right)
    else:
        weights = np.linalg.lstsq(points, values[kept], rcond=None)[0]
    return frame.everywhere @ weights.astype(np.float32)


def _middle(values: NDArray[np.float32]) -> float:
    """The upper median; NumPy's own imports 40 ms of code at its first call."""
    return float(np.sort(values)[len(values) // 2])


def _range(values: Pixels, strays: float) -> tuple[int, int]:
    """Least and greatest of the values, a share of strays at either end left out."""
    ordered = np.sort(values, kind="stable")  # a radix sort for bytes
    beyond = int(strays * len(ordered))
    return int(ordered[beyond]), int(ordered[-1 - beyond])


def _paper(grey: Pixels, widest: float) -> Pixels:
    """Brightness of the paper under dark ink: a closing wider than any stroke, on a reduced picture."""
    small = shrink(grey, _BACKGROUND)
    side = max(3, int(widest * max(small.shape)) | 1)
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    smooth = cv2.blur(closed, (3, 3))
    return cv2.resize(smooth, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def histogram_quantile(histogram: NDArray[np.int64] | NDArray[np.float64], share: float) -> int:
    """The least value that this share of all that was counted does not exceed."""
    return int(np.searchsorted(np.cumsum(histogram), share * histogram.sum()))


def _noise(histogram: NDArray[np.int64]) -> tuple[float, float]:
    """Median depth of the picture (mostly paper) and the noise about it, in grey levels."""
    base = histogram_quantile(histogram, 0.5)
    spread = np.bincount(np.abs(np.arange(256) - base), weights=histogram, minlength=256)
    return float(base), 1.4826 * histogram_quantile(spread, 0.5)


def _percentile_above(histogram: NDArray[np.int64], level: float, share: float) -> float:
    above = histogram.copy()
    above[: int(level) + 1] = 0
    return float(histogram_quantile(above, share)) if above.any() else 0.0


def _cut(plane: Pixels) -> tuple[Pixels, tuple[int, int, int, int]] | None:
    """The patch of a plane that holds the character, other components blanked; None where there is no ink."""
    mask = cv2.threshold(plane, INK, 255, cv2.THRESH_BINARY)[1]
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    keep = _components_of_character(labels, np.asarray(stats[:count], np.int32))  # type: ignore[arg-type]
    if not keep.any():
        return None
    if not keep.all():
        table = np.concatenate([[0], np.where(keep, 255, 0)]).astype(np.uint8)
        mask = table[labels]
        plane = cv2.bitwise_and(plane, cv2.dilate(mask, np.ones((3, 3), np.uint8)))  # type: ignore[assignment]
    x, y, width, height = cv2.boundingRect(mask)
    return plane[y : y + height, x : x + width], (x, y, x + width, y + height)


def _components_of_character(labels: NDArray[np.int32], stats: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which components are the character: not specks, not scraps or frame lines at the picture's edge.

    Args:
        labels: int32 (H, W), 0 for paper.
        stats: one row a component as OpenCV gives them, the paper's first.
    """
    x, y, width, height, area = stats[1:].T
    rows, columns = labels.shape
    touches = (x == 0) | (y == 0) | (x + width == columns) | (y + height == rows)
    rim = _rim_areas(labels, len(stats))[1:] > _RIM_SHARE * area
    frame = rim & (touches | _surrounds(stats[1:], rim, rows, columns))
    frame |= _crosses(x, width, columns, y, height, rows) | _crosses(y, height, rows, x, width, columns)
    body = np.where(frame, 0, area)
    largest = max(1, body.max(initial=0))
    # A scrap of a neighbour reaches in from the edge; a character mostly stands clear of it.
    scrap = touches & (area < np.where((~touches).any(), 0.35, 0.2) * largest)
    speck = area < max(1.5, 0.012 * largest)
    foreign = frame | scrap
    if (y == 0).any() and body.any():
        # A picture cut too tight above does not cost an i its dot, nor a ㅊ its stroke.
        foreign &= ~_dots_cut_above(stats[1:], stats[1 + body.argmax()], columns)
    keep: NDArray[np.bool_] = ~(foreign | speck)
    return keep


def _surrounds(stats: NDArray[np.int32], rim: NDArray[np.bool_], rows: int, columns: int) -> bool:
    """Whether the ink in the rim is a printed box, whole or broken, about a character; a lone ㅁ is none."""
    if not rim.any():
        return False
    x, y, width, height, area = stats[rim].T
    wide, tall = (x + width).max() - x.min(), (y + height).max() - y.min()
    amid = stats[~rim, cv2.CC_STAT_AREA].sum()
    return bool(wide > _BOX * columns and tall > _BOX * rows and area.sum() < 4 * amid)


def _dots_cut_above(stats: NDArray[np.int32], body: NDArray[np.int32], columns: int) -> NDArray[np.bool_]:
    """Small ones at the picture's upper edge alone that stand closely over the body."""
    x, y, width, height, _ = stats.T
    left, top, wide, tall, _ = body
    alone = (y == 0) & (x > 0) & (x + width < columns)
    over = (2 * x + width >= 2 * left) & (2 * x + width <= 2 * (left + wide))
    close = (y + height <= top + 1) & (top - y - height <= 0.3 * tall)
    return alone & over & close & (width <= 0.5 * max(wide, tall))  # type: ignore[no-any-return]


def _crosses(
    start: NDArray[np.int32],
    length: NDArray[np.int32],
    side: int,
    across: NDArray[np.int32],
    depth: NDArray[np.int32],
    other: int,
) -> NDArray[np.bool_]:
    """Slim ones that run from edge to edge of `side` and lie near an edge of the `other` side: rules."""
    off_centre = np.abs(across + depth / 2 - other / 2)
    return (start == 0) & (length == side) & (depth <= 0.15 * other) & (off_centre > 0.33 * other)  # type: ignore[no-any-return]


def _rim_areas(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Pixels of each label within a thin rim along the picture's edge."""
    rim = max(1, round(RIM * max(labels.shape)))
    inner = labels[rim:-rim, rim:-rim] if min(labels.shape) > 2 * rim else labels[:0]
    return np.bincount(labels.ravel(), minlength=count) - np.bincount(inner.ravel(), minlength=count)
