"""Varied pens, hands, papers and cameras: strokes or ink patches to new ink patches.

Everything works on ink planes of about `_SIDE` pixels, in OpenCV, at some 0.2 ms a character on one core.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import INK, Pixels, char_crop
from train.samples import Strokes

_SIDE = 56  # longest side of a character while it is worked on
_CANVAS = 88  # room about it for rotation and shear
_SLIM = 0.45  # width over height up to which ink may be a single stroke
PEN = 0.12  # width of a common pen, in the writer's usual characters
_PENS = 0.4  # how far pens differ, standard deviation of the logarithm


@dataclass(frozen=True)
class Augmentation:
    """How far, and how often, each kind of variation goes; 0 switches one off.

    Attributes:
        rotate: degrees, standard deviation.
        shear: tangent of the slant, standard deviation.
        aspect: logarithm of width over height, standard deviation.
        elastic: pixels of 56, standard deviation of the displacement of a 5x5 grid.
        pen: share of patches whose strokes are made thicker or thinner.
        low_resolution: share reduced to few pixels and enlarged again.
        blur: share blurred.
        motion: share blurred along a line, as by a moving camera.
        noise: share with noise in the ink.
        paper: share put on a drawn sheet (texture, shadow, rule, JPEG) and found again by `char_crop`.
        cut: share whose crop is a little too wide or too tight.
    """

    rotate: float = 6.0
    shear: float = 0.15
    aspect: float = 0.12
    elastic: float = 1.4
    pen: float = 0.4
    low_resolution: float = 0.35
    blur: float = 0.3
    motion: float = 0.0
    noise: float = 0.15
    paper: float = 0.25
    cut: float = 0.3


def augment(item: Pixels | Strokes, options: Augmentation, rng: np.random.Generator) -> Pixels:
    """A new ink patch uint8 (h, w), cut tight, of the same character."""
    if isinstance(item, tuple):
        plane = draw(_shaken(item, options, rng), PEN * float(np.exp(rng.normal(0, _PENS))))
    else:
        plane = _warped(item, options, rng)
    if rng.random() < options.elastic and rng.random() < 0.6:
        plane = _elastic(plane, options.elastic, rng)
    if not isinstance(item, tuple) and rng.random() < options.pen:
        plane = _repen(plane, rng)
    if rng.random() < options.low_resolution:
        plane = _low_resolution(plane, rng)
    if rng.random() < options.blur:
        plane = cv2.GaussianBlur(plane, (0, 0), rng.uniform(0.4, 1.8))  # type: ignore[assignment]
    if rng.random() < options.motion:
        plane = _moved(plane, rng)
    if rng.random() < options.paper:
        found = char_crop(on_paper(plane, rng), "no")
        if found is not None and max(found.patch.shape) > 8:
            plane = found.patch
    elif rng.random() < options.noise:
        plane = _noisy(plane, rng)
    return _tight(plane, options.cut, rng)


def draw(strokes: Strokes, pen: float, side: int = _SIDE) -> Pixels:
    """Strokes drawn with a pen: uint8, square, with room about the character; at 56 pixels (88, 88).

    Args:
        strokes: float32 (points, 2) each.
        pen: its width in the strokes' unit; never under 0.025 or over 0.4 of the character's longest side.
        side: the character's longest side in pixels.
    """
    canvas = round(side * _CANVAS / _SIDE)
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = side / max(float((high - low).max()), 1e-6)
    thickness = max(1, round(min(max(pen * scale / side, 0.025), 0.4) * side))
    offset = (canvas - (high - low) * scale) / 2 - low * scale
    fixed = [np.round((stroke * scale + offset) * 16).astype(np.int32) for stroke in strokes]
    plane = np.zeros((canvas, canvas), np.uint8)
    cv2.polylines(plane, fixed, False, 255, thickness, cv2.LINE_AA, 4)
    for dot in fixed:
        if len(dot) == 1 or np.ptp(dot, axis=0).max() < 32:
            cv2.circle(
                plane, (int(dot[0, 0]), int(dot[0, 1])), max(16, thickness * 10), 255, -1, cv2.LINE_AA, 4
            )
    return plane


def tight(plane: Pixels) -> Pixels:
    """The rows and columns that hold ink; the whole plane where none do."""
    x, y, width, height = cv2.boundingRect(cv2.threshold(plane, INK, 255, cv2.THRESH_BINARY)[1])
    return plane[y : y + height, x : x + width] if width and height else plane


def on_paper(plane: Pixels, rng: np.random.Generator, ruled: float = 0.12) -> Pixels:
    """A photograph-like uint8 (H, W) of ink on paper: texture, light, shadow, rule, grain, JPEG.

    `ruled` is the share of sheets with a printed rule.
    """
    height, width = plane.shape
    paper: NDArray[np.float32] = np.full((height, width), rng.uniform(120, 250), np.float32)
    paper += np.linspace(-1, 1, width, dtype=np.float32) * rng.normal(0, 12)
    paper += np.linspace(-1, 1, height, dtype=np.float32)[:, None] * rng.normal(0, 12)
    if rng.random() < 0.25:  # the edge of a shadow, hard or soft
        soft = rng.uniform(1, 20)
        side = np.linspace(-width / 2, width / 2, width, dtype=np.float32) + rng.normal(0, width / 4)
        tilt = np.linspace(-1, 1, height, dtype=np.float32)[:, None] * rng.normal(0, 10)
        paper *= 1 - rng.uniform(0.05, 0.3) * (0.5 + 0.5 * np.tanh((side + tilt) / soft))
    if rng.random() < 0.3:
        texture = rng.normal(0, rng.uniform(1, 5), (height // 3 + 1, width // 3 + 1))
        paper += cv2.resize(texture, (width, height))
    depth = rng.uniform(0.3, 0.95) if rng.random() < 0.8 else rng.uniform(0.12, 0.3)
    page = paper * (1 - plane * np.float32(depth / 255))
    if rng.random() < ruled:  # a printed rule, fainter than the ink
        row = int(rng.integers(2, height - 2))
        page[row : row + int(rng.integers(1, 3))] *= 1 - depth * rng.uniform(0.15, 0.5)
    page = page + rng.normal(0, rng.uniform(0.3, 4), page.shape)
    photo = np.clip(page, 0, 255).astype(np.uint8)
    if rng.random() < 0.5:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 90))]
        photo = cv2.imdecode(cv2.imencode(".jpg", photo, quality)[1], cv2.IMREAD_GRAYSCALE)  # type: ignore[assignment]
    return photo


def no_character(first: Pixels, second: Pixels, rng: np.random.Generator) -> Pixels:
    """What a locator cuts by mistake: two or three characters joined, a part of one, a dot or a dash."""
    kind = rng.random()
    if kind < 0.4:
        return _joined(first, second, rng)
    if kind < 0.5:
        return _joined(_joined(first, second, rng), first, rng)
    if kind < 0.85:
        part = _part(first, rng)
        return part if part is not None else _joined(first, second, rng)
    plane = np.zeros((_SIDE, _SIDE), np.uint8)
    middle, reach = _SIDE // 2, int(rng.integers(3, 26))
    tilt = int(rng.normal(0, 3))
    thickness = int(rng.integers(4, 16))
    cv2.line(
        plane, (middle - reach, middle - tilt), (middle + reach, middle + tilt), 255, thickness, cv2.LINE_AA
    )
    return _tight(plane, 0, rng)


def _joined(first: Pixels, second: Pixels, rng: np.random.Generator) -> Pixels:
    """Side by side, of similar height, touching or overlapping a little."""
    height = first.shape[0]
    scale = rng.uniform(0.8, 1.2) * height / second.shape[0]
    size = (max(1, round(second.shape[1] * scale)), max(1, round(second.shape[0] * scale)))
    second = cv2.resize(second, size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
    overlap = round(rng.uniform(0, 0.15) * min(first.shape[1], second.shape[1]))
    rows = max(height, second.shape[0])
    plane = np.zeros((rows, first.shape[1] + second.shape[1] - overlap), np.uint8)
    plane[rows - height :, : first.shape[1]] = first
    right = plane[rows - second.shape[0] :, -second.shape[1] :]
    np.maximum(right, second, out=right)
    return plane


def _part(patch: Pixels, rng: np.random.Generator) -> Pixels | None:
    """The left or right part of a character; None where that is a mere stroke, which could be a 1 or an l."""
    at = max(1, round(patch.shape[1] * rng.uniform(0.3, 0.7)))
    half = np.ascontiguousarray(patch[:, :at] if rng.random() < 0.5 else patch[:, at:])
    if not half.size or half.max() <= INK:
        return None
    half = _tight(half, 0, rng)
    return half if half.shape[1] > _SLIM * half.shape[0] else None


def _matrix(options: Augmentation, rng: np.random.Generator) -> NDArray[np.float64]:
    """A random 2x2 map: rotation, shear, and a change of proportions."""
    angle = np.deg2rad(rng.normal(0, options.rotate))
    stretch = np.exp(rng.normal(0, options.aspect) / 2)
    cos, sin = np.cos(angle), np.sin(angle)
    shear = np.array([[1, rng.normal(0, options.shear)], [0, 1]])
    return np.array([[cos, -sin], [sin, cos]]) @ shear @ np.diag([stretch, 1 / stretch])  # type: ignore[no-any-return]


def _shaken(strokes: Strokes, options: Augmentation, rng: np.random.Generator) -> Strokes:
    """Strokes under a random linear map, each moved a little against the others."""
    matrix = _matrix(options, rng).T.astype(np.float32)
    size = float(np.ptp(np.concatenate(strokes), axis=0).max())
    drift = rng.normal(0, 0.012 * size, (len(strokes), 2)).astype(np.float32)
    return tuple(stroke @ matrix + move for stroke, move in zip(strokes, drift, strict=True))


def _warped(patch: Pixels, options: Augmentation, rng: np.random.Generator) -> Pixels:
    """A patch under a random linear map, on a canvas of 88x88, its longest side near 56."""
    height, width = patch.shape
    matrix = _matrix(options, rng) * (_SIDE / max(height, width))
    shift = np.array([_CANVAS / 2, _CANVAS / 2]) - matrix @ np.array([(width - 1) / 2, (height - 1) / 2])
    full = np.hstack([matrix, shift[:, None]])
    how = cv2.INTER_AREA if max(height, width) > _SIDE else cv2.INTER_LINEAR
    return cv2.warpAffine(patch, full, (_CANVAS, _CANVAS), flags=how)  # type: ignore[return-value]


def _elastic(plane: Pixels, strength: float, rng: np.random.Generator) -> Pixels:
    height, width = plane.shape
    grid = rng.normal(0, strength, (5, 5, 2)).astype(np.float32)
    field: NDArray[Any] = cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    field[..., 0] += np.arange(width, dtype=np.float32)
    field[..., 1] += np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(plane, field, None, cv2.INTER_LINEAR)  # type: ignore[return-value, call-overload, no-any-return]


def _repen(plane: Pixels, rng: np.random.Generator) -> Pixels:
    """Thicker or thinner strokes; a stroke that would vanish is left as it was."""
    size = int(rng.integers(2, 5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    if rng.random() < 0.5:
        return cv2.dilate(plane, kernel)  # type: ignore[return-value]
    thin = cv2.erode(plane, kernel)
    return thin if int(thin.sum()) > 0.35 * int(plane.sum()) else plane  # type: ignore[return-value]


def _moved(plane: Pixels, rng: np.random.Generator) -> Pixels:
    """Smeared along a line, and as dark again as it was."""
    reach = int(rng.integers(2, 8))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    angle = rng.uniform(0, np.pi)
    end = (round(reach * np.cos(angle)), round(reach * np.sin(angle)))
    cv2.line(kernel, (reach - end[0], reach - end[1]), (reach + end[0], reach + end[1]), 1.0)
    smeared = cv2.filter2D(plane, -1, kernel / kernel.sum())
    return cv2.normalize(smeared, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[return-value, call-overload, no-any-return]


def _low_resolution(plane: Pixels, rng: np.random.Generator) -> Pixels:
    scale = rng.uniform(12, 40) / _SIDE
    small = cv2.resize(plane, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, plane.shape[::-1], interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]


def _noisy(plane: Pixels, rng: np.random.Generator) -> Pixels:
    noise = rng.normal(0, rng.uniform(5, 35), plane.shape)
    return np.clip(plane + noise * (plane > 20), 0, 255).astype(np.uint8)


def _tight(plane: Pixels, cut: float, rng: np.random.Generator) -> Pixels:
    """Cut to the ink; now and then a little wider or tighter, as a locator would."""
    patch = tight(plane)
    if patch is plane or rng.random() >= cut:  # no ink, or left as it is
        return patch
    height, width = patch.shape
    most = 0.07 * max(width, height)
    top, bottom, left, right = np.round(rng.uniform(-most / 2, most, 4)).astype(int)
    top, left = min(top, height // 4), min(left, width // 4)
    room = cv2.copyMakeBorder(
        patch, max(0, top), max(0, bottom), max(0, left), max(0, right), cv2.BORDER_CONSTANT
    )
    shifted = room[
        max(0, -top) : room.shape[0] - max(0, -bottom), max(0, -left) : room.shape[1] - max(0, -right)
    ]
    return shifted if min(shifted.shape) > 2 else patch  # type: ignore[return-value]
