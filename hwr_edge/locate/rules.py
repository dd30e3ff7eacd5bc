"""Ruled lines, grids, frames and the edges of shadows: long, straight, thin, and no writing."""

from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels
from hwr_edge.locate.parts import connected

_LENGTH = 0.28  # of the picture: a straight stroke longer than this is a rule
_RUN = 7  # pixels in a row that a line keeps at up to ten degrees of slant
_LENGTH_CROP, _CROP = 0.75, 400  # the same in pictures up to this size: joined words fill half of them
_LEAST = 0.15  # and of its longer side: in a flat strip strokes of letters come close to its height
_INK, _NONE = np.uint8(255), np.uint8(0)
_PALER = 0.55  # rules that reach less than this share of the ink's depth are known by their paleness
_GAP = 31  # pixels of a rule that writing may hide
_THICK = 3  # pixels: so thick may a line be in small pictures
_SLIM = 0.25  # width over length of a side
_ROOM = 4 * _THICK  # about the side of a frame, which is looked at
_LEAN = 0.02  # rise over run by which rules of one sheet may differ


Reals = NDArray[np.float64]
Course = tuple[int, Reals]  # first column, then the row at each column from there on


def remove_rules(mask: Pixels, depth: Pixels) -> tuple[Pixels, Pixels | None]:
    """Take long straight thin lines, nearly level or upright, out of an ink mask.

    Strokes that cross a line keep the pixels they share with it, because they are thicker along it.

    Args:
        mask: uint8 (H, W), 255 where there is ink.
        depth: uint8 (H, W), grey levels below the paper.

    Returns:
        The mask without lines, and the lines as a mask, None where there were none.
    """
    mask = _peel(mask)
    rules = np.zeros_like(mask)
    level = _level_rules(mask, rules)
    upright = _level_rules(np.ascontiguousarray(mask.T), rules.T)
    if not level and not upright:
        return mask, None
    bare: Pixels = cv2.bitwise_and(mask, cv2.bitwise_not(rules))  # type: ignore[assignment]
    if max(mask.shape) <= _CROP:  # in larger pictures sides are long enough to be lines themselves
        _sides(bare, rules, level)
        _sides(bare.T, rules.T, upright)
    pale = float(np.quantile(depth[rules > 0], 0.9))
    ink = depth[(bare > 0) & (depth > pale)]
    # Rules paler than the ink tell from which depth on it is ink: what is left of them goes too.
    if len(ink) > 0.2 * np.count_nonzero(bare) and _PALER * float(np.median(ink)) > pale:
        bare = cv2.bitwise_and(bare, np.where(depth > 1.1 * pale, _INK, _NONE))  # type: ignore[assignment]
    return bare, rules


def _level_rules(mask: Pixels, rules: Pixels) -> list[Course]:
    """Add the pixels of nearly level lines to `rules`; where the lines run, in pixels of the mask."""
    reduce = 2 if max(mask.shape) > 900 else 1
    small = mask if reduce == 1 else _halve(mask)
    thick = max(_THICK, max(small.shape) // 200)
    share = _LENGTH if max(mask.shape) > _CROP else _LENGTH_CROP
    least = max(24, int(share * small.shape[1]), int(_LEAST * max(small.shape)))
    if small.shape[1] < least:
        return []
    body = cv2.morphologyEx(small, cv2.MORPH_OPEN, np.ones((thick + 1, 1), np.uint8))
    runs = cv2.morphologyEx(cv2.subtract(small, body), cv2.MORPH_OPEN, np.ones((1, _RUN // reduce), np.uint8))
    # Linking and labelling cost more than all the rest here: they wait until the columns make a rule likely.
    if _longest(runs, _GAP // reduce) < least:
        return []
    linked = cv2.morphologyEx(runs, cv2.MORPH_CLOSE, np.ones((3, _GAP // reduce), np.uint8))
    if _longest(linked, 1) < least:
        return []
    count, labels, stats = connected(linked)  # type: ignore[arg-type]
    found = np.flatnonzero(stats[1:count, cv2.CC_STAT_WIDTH] >= 0.2 * least) + 1
    courses: list[Course] = []
    drawn: list[Course] = []
    for index in found[np.argsort(-stats[found, cv2.CC_STAT_WIDTH])]:
        x, y, width, height, _ = stats[index].tolist()
        if width < least and not courses:
            break
        window = (slice(y, y + height), slice(x, x + width))
        rows, columns = np.nonzero((labels[window] == index) & (runs[window] > 0))
        course = _course(columns, rows, width, thick)
        if course is None:
            continue
        beside = min(x, small.shape[1] - x - width) <= 1 and _parallel(courses, course)
        if width < least and not beside and not _continues(courses, x, course + y, thick):
            continue
        courses.append((int(x), course + y))
        at = np.arange(x * reduce, min((x + width) * reduce, mask.shape[1]))
        level = (np.interp(at / reduce, x + np.arange(width), course + y) + 0.5) * reduce - 0.5
        _mark(rules, mask, at, np.round(level).astype(int), thick * reduce)
        # Linking goes on to the picture's edges: only where runs are is the line.
        first, last = int(columns.min()) * reduce, (int(columns.max()) + 1) * reduce
        drawn.append((x * reduce + first, level[first:last]))
    return drawn


def _sides(bare: Pixels, rules: Pixels, courses: list[Course]) -> None:
    """Move the strokes that join the ends of two level lines from the bare mask to the rules.

    They are sides of a frame, too short to be known for lines themselves.
    """
    ends = [(round(rows[at]), x + at % len(rows)) for x, rows in courses for at in (0, -1)]
    inner = sorted((y, x) for y, x in ends if 2 * _THICK < x < bare.shape[1] - 2 * _THICK)
    for (top, one), (foot, other) in combinations(inner, 2):
        left, right = min(one, other), max(one, other)
        if right - left > _ROOM or foot - top < 2 * _ROOM:
            continue
        window = (
            slice(max(0, top - _ROOM), foot + _ROOM),
            slice(max(0, left - _ROOM), right + _ROOM),
        )
        count, labels, stats = connected(np.ascontiguousarray(bare[window]))
        x, y, wide, high = (stats[1:count, column] for column in range(4))
        inside = (x > 0) & (x + wide < labels.shape[1])
        x, y = x + window[1].start, y + window[0].start
        near = _THICK + wide  # the lines of a frame are about as thick as its sides
        joins = (np.abs(y - top) <= near) & (np.abs(y + high - foot) <= near)
        beside = (x - near <= left) & (x + wide + near >= right)
        for number in np.flatnonzero(inside & joins & beside & (wide <= _SLIM * high)) + 1:
            rules[window][labels == number] = _INK
            bare[window][labels == number] = _NONE


def _longest(mask: Pixels | cv2.typing.MatLike, gap: int) -> int:
    """Most neighbouring columns that hold anything, empty ones filled where fewer than `gap` lie together."""
    row = mask.max(axis=0, keepdims=True)
    row = cv2.morphologyEx(row, cv2.MORPH_CLOSE, np.ones((1, gap), np.uint8))
    edges = np.flatnonzero(np.diff(row[0] > 0, prepend=False, append=False))
    return int(np.max(edges[1::2] - edges[::2], initial=0))


def _continues(courses: list[Course], x: int, course: Reals, thick: int) -> bool:
    """Whether a short stroke lies on the continuation of a line already found."""
    middle, level = x + len(course) / 2, float(np.median(course))
    for start, known in courses:
        slope = _slope(known)
        beyond = max(start - middle, middle - start - len(known), 0.0)
        if abs(known.mean() + slope * (middle - start - len(known) / 2) - level) <= thick + 0.02 * beyond:
            return True
    return False


def _parallel(courses: list[Course], course: Reals) -> bool:
    """Whether a stroke leans as two lines or more do: on ruled paper a letter may hide most of a rule."""
    return sum(abs(_slope(known) - _slope(course)) <= _LEAN for _, known in courses) > 1


def _slope(course: Reals) -> float:
    return float((course[-1] - course[0]) / len(course))


def _peel(mask: Pixels) -> Pixels:
    """Clear dark margins: shallow ink along a side of the picture that much of the side shares."""
    depth = max(2, max(mask.shape) // 80)
    peeled = mask.copy()
    for view in (peeled, peeled[::-1], peeled.T, peeled.T[::-1]):
        strip = view[: depth + 1]
        if len(strip) > depth and np.count_nonzero(strip[0]) > 0.15 * strip.shape[1]:
            run = np.logical_and.accumulate(strip > 0, axis=0)
            strip[run & ~run[-1]] = 0
    return peeled


def _halve(mask: Pixels) -> Pixels:
    """Half the size; a pixel is set where any of its four was."""
    size = (max(1, mask.shape[1] // 2), max(1, mask.shape[0] // 2))
    small = cv2.resize(mask, size, interpolation=cv2.INTER_AREA)
    return cv2.threshold(small, 40, 255, cv2.THRESH_BINARY)[1]  # type: ignore[return-value]


def _course(
    columns: NDArray[np.int64], rows: NDArray[np.int64], width: int, thick: int
) -> NDArray[np.float64] | None:
    """Row of the line at each of its columns, None where the points do not make one thin line."""
    keep = np.ones(len(columns), bool)
    fit: Reals = np.zeros(3)
    for limit in (4.0 * thick, 1.0 * thick, 0.75 * thick):
        if np.count_nonzero(keep) < 0.3 * width:
            return None
        centre = columns / width
        fit = np.polyfit(centre[keep], rows[keep], 2).astype(np.float64)
        keep = np.abs(np.polyval(fit, centre) - rows) <= max(1.5, limit)
    seen = np.zeros(width, bool)
    seen[columns[keep]] = True
    # Joined writing also runs level, but half of it is off any line.
    if seen.mean() < 0.5 or keep.mean() < 0.6 or abs(fit[0]) > 0.03 * width:
        return None
    return np.polyval(fit, np.arange(width) / width).astype(np.float64)


def _mark(
    rules: Pixels, mask: Pixels, columns: NDArray[np.int64], rows: NDArray[np.int64], thick: int
) -> None:
    """Set the line's pixels in `rules`, except where a stroke stands on it or crosses it."""
    across = np.arange(-2 * thick, 2 * thick + 1)
    ys = rows[:, None] + across
    within = (ys >= 0) & (ys < mask.shape[0])
    ys = np.clip(ys, 0, mask.shape[0] - 1)
    strip = (mask[ys, columns[:, None]] > 0) & within
    # Only the run of ink through the line's own course counts: writing close by is not its thickness.
    middle = len(across) // 2
    strip[:, middle - 1 : middle + 2] |= strip[:, middle - 1 : middle + 2].any(axis=1)[:, None]
    run = np.concatenate(
        [
            np.logical_and.accumulate(strip[:, middle::-1], axis=1)[:, ::-1],
            np.logical_and.accumulate(strip[:, middle:], axis=1)[:, 1:],
        ],
        axis=1,
    )
    depth = np.count_nonzero(run, axis=1)
    if not depth.any():
        return
    bare = depth <= np.median(depth[depth > 0]) + 2
    rules[ys, columns[:, None]] |= np.where(run & within & bare[:, None], 255, 0).astype(np.uint8)
