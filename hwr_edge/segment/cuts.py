"""Where joined ink may be cut: seams from top to bottom that cross as little ink as they can."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import INK, Pixels

_STEP = 0.12  # cost of one sideways pixel, in pixels of ink
_APART = 0.11  # least distance between two anchors, in shares of the writing's height
_MOST_INK = 3.5  # a seam crosses at most so many widths of the pen
_WAIST = 0.85  # the outline is low where it is under this share of its height to the left and to the right
_SLANTS = (0.0, 0.15, 0.3, 0.45, 0.6, -0.15)
_WALL = 0.3  # of a pen's width: a shared wall is cut down its middle
_ALONG = 2.0  # a seam that stays in ink for so many widths of the pen runs along a stroke
_EDGE = 0.15  # of a loop's paper: so much may lie beyond a wall that is cut
_SPECK = 0.1  # least ink between two seams: a stroke as long as this share of the writing's height


Finder = Callable[[Pixels, float, float], Iterator[tuple[float, NDArray[np.int64]]]]


@dataclass(frozen=True, eq=False)
class Seam:
    """A way to cut a glyph.

    Attributes:
        crossed: pixels of ink on the way.
        loops: closed loops of the pen that it breaks.
        path: int64 (h,) last column on the left side, per row.
    """

    crossed: float
    loops: int
    path: NDArray[np.int64]


def find_seams(plane: Pixels, stroke: float, height: float, slant: float = 0.0) -> list[Seam]:
    """Seams through one glyph at which two characters may join, left to right.

    Two kinds: straight ones where the glyph is low from its upper to its lower edge, for characters that
    touch at their outsides; and winding ones that cross the least ink.

    Args:
        plane: uint8 (h, w) ink of one glyph.
        stroke: width of the pen in pixels.
        height: height of the writing in pixels.
        slant: columns to the right per row upwards.
    """
    if plane.shape[1] < 3:
        return []
    rows = np.arange(len(plane))
    before = np.cumsum(plane, axis=1, dtype=np.float32) / 255
    holes = loops(plane, stroke)
    speck = _SPECK * stroke * height
    marks = [0.0, float(before[:, -1].sum())]
    found: list[Seam] = []
    for path in _proposals(plane, stroke, height, slant):
        left = float(before[rows, path].sum())
        if min(abs(left - mark) for mark in marks) < speck or any(_cross(path, seam.path) for seam in found):
            continue
        marks.append(left)
        found.append(Seam(float(plane[rows, path].sum()) / 255, broken(holes, path), path))
    return sorted(found, key=lambda seam: int(seam.path.sum()))


def cut(plane: Pixels, seams: list[Seam], stroke: float) -> list[Pixels]:
    """The ink between neighbouring seams, left to right: uint8 (h, w) each.

    A wall that two characters share is in both: where a seam runs along a stroke, instead of across it,
    the ink close to the seam belongs to either side.
    """
    column = np.arange(plane.shape[1])[None, :]
    walls = [_wall(plane, seam, stroke) for seam in seams]
    parts = []
    for number in range(len(seams) + 1):
        inside = np.ones(plane.shape, bool)
        if number:
            inside &= column > (seams[number - 1].path - walls[number - 1])[:, None]
        if number < len(seams):
            inside &= column <= (seams[number].path + walls[number])[:, None]
        parts.append(np.where(inside, plane, 0).astype(np.uint8))
    return parts


def _wall(plane: Pixels, seam: Seam, stroke: float) -> NDArray[np.int64]:
    """Pixels to share on either side of a seam, per row; none but where it runs along ink."""
    ink = plane[np.arange(len(plane)), seam.path] >= INK
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ink, [0]])))
    share = np.zeros(len(plane), np.int64)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start > _ALONG * stroke:
            share[start:end] = round(_WALL * stroke)
    return share


def _proposals(plane: Pixels, stroke: float, height: float, slant: float) -> list[NDArray[np.int64]]:
    """Paths worth looking at, int64 (h,) columns of the plane: straight ones first."""
    leans = sorted({slant, slant / 2, 0.0})
    straight = [item for lean in leans for item in _leaning(_waists, plane, lean, stroke, height)]
    winding = list(_leaning(_paths, plane, slant / 2, stroke, height))
    return [path for kind in (straight, winding) for _, path in sorted(kind, key=lambda item: item[0])]


def _leaning(
    finder: Finder, plane: Pixels, lean: float, stroke: float, height: float
) -> Iterator[tuple[float, NDArray[np.int64]]]:
    """What the finder finds on the plane made upright, in columns of the plane."""
    shift = np.round(lean * np.arange(len(plane))).astype(np.int64)
    shift -= shift.min()
    for cost, path in finder(_sheared(plane, lean), stroke, height):
        yield cost, np.clip(path - shift, 0, plane.shape[1] - 1)


def _sheared(plane: Pixels, lean: float) -> Pixels:
    """The plane with each row moved right by `lean` times its number, the least move being 0."""
    rows, columns = plane.shape
    reach = lean * (rows - 1)
    matrix = np.array([[1, lean, max(0.0, -reach)], [0, 1, 0]], np.float32)
    width = columns + math.ceil(abs(reach))
    return cv2.warpAffine(plane, matrix, (width, rows), flags=cv2.INTER_NEAREST) if lean else plane  # type: ignore[return-value]


def _waists(plane: Pixels, stroke: float, height: float) -> Iterator[tuple[float, NDArray[np.int64]]]:
    """Straight paths down the columns where the outline is low, and their extents."""
    dark = plane >= INK
    extent = len(plane) - dark.argmax(axis=0) - dark[::-1].argmax(axis=0)
    extent = np.where(dark.any(axis=0), extent, 0).astype(np.float32)
    reach = max(1, round(0.5 * height))  # a thin rule taken for writing is one pixel high
    for column in _apart(_smooth(extent, stroke), _APART * height):
        sides = extent[max(0, column - reach) : column], extent[column + 1 : column + 1 + reach]
        if extent[column] <= _WAIST * min(float(side.max()) for side in sides):
            yield float(extent[column]), np.full(len(plane), column)


def _paths(plane: Pixels, stroke: float, height: float) -> Iterator[tuple[float, NDArray[np.int64]]]:
    """Locally cheapest ways from top to bottom through the columns of the middle row, and their costs."""
    ink = np.divide(plane, 255, dtype=np.float32)
    middle = len(ink) // 2
    down, from_above = _sweep(ink[: middle + 1])
    up, from_below = _sweep(ink[middle:][::-1])
    total = down + up - ink[middle]
    for anchor in _apart(_smooth(total, stroke), _APART * height):
        if total[anchor] <= _MOST_INK * stroke:
            path = np.concatenate([_trace(from_above, anchor)[::-1], _trace(from_below, anchor)[1:]])
            yield float(total[anchor]), path


def _cross(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    return bool((one < other).any() and (one > other).any())


def loops(plane: Pixels, stroke: float) -> NDArray[np.int32]:
    """Paper inside closed loops, numbered from 1; 0 elsewhere and in loops smaller than a dot of the pen."""
    paper = cv2.copyMakeBorder((plane < INK).astype(np.uint8), 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(paper, connectivity=4)
    table = np.arange(count, dtype=np.int32)
    table[stats[:, cv2.CC_STAT_AREA] < 0.5 * stroke * stroke] = 0
    table[[0, labels[0, 0]]] = 0
    numbered: NDArray[np.int32] = table[labels[1:-1, 1:-1]]
    return numbered


def broken(holes: NDArray[np.int32], path: NDArray[np.int64]) -> int:
    """How many loops a path breaks: it leaves a good share of each on either side, not an edge alone."""
    count = int(holes.max(initial=0)) + 1
    left = np.bincount(holes[np.arange(holes.shape[1]) <= path[:, None]], minlength=count)[1:]
    whole = np.bincount(holes.ravel(), minlength=count)[1:]
    return int(np.count_nonzero(np.minimum(left, whole - left) > _EDGE * whole))


def _sweep(ink: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.int8]]:
    """Cheapest way from the first row to each column of the last, and the step taken into each row."""
    steps = np.zeros(ink.shape, np.int8)
    cost = ink[0].copy()
    wide = np.full(ink.shape[1] + 2, np.inf, np.float32)
    for row in range(1, len(ink)):
        wide[1:-1] = cost
        left, right = wide[:-2] + _STEP, wide[2:] + _STEP
        sideways = np.minimum(left, right)
        straight = cost <= sideways
        steps[row] = np.where(straight, 0, np.where(left <= right, -1, 1))
        cost = np.where(straight, cost, sideways) + ink[row]
    return cost, steps


def _trace(steps: NDArray[np.int8], column: int) -> NDArray[np.int64]:
    """Columns from the last row back to the first."""
    path = np.empty(len(steps), np.int64)
    for row in range(len(steps) - 1, -1, -1):
        path[len(steps) - 1 - row] = column
        column += int(steps[row, column])
    return path


def _smooth(total: NDArray[np.float32], stroke: float) -> NDArray[np.float32]:
    """The mean over half a pen's width: a seam goes through the middle of a joint, not along its side."""
    reach = max(1, round(stroke / 4))
    wide = np.pad(total, reach, mode="edge")
    return np.convolve(wide, np.full(2 * reach + 1, 1 / (2 * reach + 1), np.float32), mode="valid")


def _apart(total: NDArray[np.float32], least: float) -> list[int]:
    """Columns inside the glyph that are no dearer than their neighbours, cheapest first, `least` apart."""
    inner = total[1:-1]
    low = np.flatnonzero((inner <= total[:-2]) & (inner <= total[2:])) + 1
    flats = np.split(low, np.flatnonzero(np.diff(low) > 1) + 1) if len(low) else []
    middles = np.array([flat[len(flat) // 2] for flat in flats], np.int64)
    found: list[int] = []
    for column in middles[np.argsort(total[middles], kind="stable")].tolist():
        if all(abs(column - other) >= least for other in found):
            found.append(column)
    return found


def slant_of(planes: Sequence[Pixels]) -> float:
    """Columns to the right per row upwards at which the strokes of the glyphs stand most upright."""
    sharpness = []
    for slant in _SLANTS:
        columns = [_sheared(plane, slant).sum(axis=0, dtype=np.float64) for plane in planes]
        sharpness.append(sum(float(column @ column) for column in columns))
    # Upright writing is the rule: a slant must stand out.
    return _SLANTS[int(np.argmax(sharpness))] if max(sharpness) > 1.03 * sharpness[0] else 0.0


def stroke_width(plane: Pixels) -> float:
    """Width of the pen in pixels: twice the usual distance from the ridge of a stroke to the paper."""
    mask = (plane >= INK).astype(np.uint8)
    if not mask.any():
        return 1.0
    framed = cv2.copyMakeBorder(mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    distance = cv2.distanceTransform(framed, cv2.DIST_L2, 3)
    area = float(mask.sum())
    # Across a band of width s the distances are 1, 2 ... s / 2 ... 2, 1: s / 4 + 1 / 2 in the mean.
    return max(1.0, 4 * float(distance.sum()) / area - 2)
