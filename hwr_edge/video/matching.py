"""Which character of this frame is which of the last one, though the paper moved: position and appearance."""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels, luminance

Reals = NDArray[np.float64]

_SIDE = 8  # pixels of a thumbnail's side
_WINDOW = 1.2  # a thumbnail shows a square of so many times the character's longer side
_REACH = 3.0  # the paper moves at most so far between two frames, in heights of the writing
_CELL = 0.25  # step in which movements are told apart, in heights
_ALIKE = 0.5  # least correlation of thumbnails that speak for a movement
_NEAR = 0.75  # a character is found within this of where it is expected, in its own size
_RATIO = 2.2  # and at most so many times larger or smaller
_STILL = 1.2  # standing still is so much likelier than any one movement


@dataclass(frozen=True, eq=False)
class Places:
    """Characters of one frame as the matching sees them.

    Attributes:
        centres: float64 (N, 2) x, y in pixels.
        sizes: float64 (N, 2) width, height in pixels.
        looks: float64 (N, 64) thumbnails with mean 0 and length 1.
    """

    centres: Reals
    sizes: Reals
    looks: Reals


class Pair(NamedTuple):
    """The same character in two frames: its index in each, and the correlation of the two thumbnails."""

    old: int
    new: int
    likeness: float


class Matches(NamedTuple):
    """The pairs found, and by how much the paper moved: float64 (2,) x, y pixels."""

    pairs: list[Pair]
    shift: Reals


def places_of(picture: Pixels, boxes: NDArray[np.int64]) -> Places:
    """Places of boxes (N, 4) x0, y0, x1, y1 in a picture, uint8 (H, W) or BGR (H, W, 3)."""
    corners = boxes.reshape(-1, 4).astype(np.float64)
    centres, sizes = (corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]
    grey = luminance(picture)
    looks = np.zeros((len(corners), _SIDE * _SIDE))
    for look, centre, size in zip(looks, centres.tolist(), sizes.max(axis=1, initial=1), strict=True):
        side = round(_WINDOW * size)
        window = cv2.getRectSubPix(grey, (side, side), centre)
        look[:] = cv2.resize(window, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA).ravel()
    looks -= looks.mean(axis=1, keepdims=True)
    looks /= np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1e-6)
    return Places(centres, sizes, looks)


def match(old: Places, new: Places) -> Matches:
    """Pair the characters of two frames, each with at most one of the other."""
    if not len(old.centres) or not len(new.centres):
        return Matches([], np.zeros(2))
    likeness = old.looks @ new.looks.T
    larger = np.maximum(old.sizes[:, None], new.sizes).max(axis=2)
    smaller = np.minimum(old.sizes[:, None].max(axis=2), new.sizes.max(axis=1))
    fits = larger < _RATIO * smaller
    apart = new.centres - old.centres[:, None]
    shift = _movement(apart, np.where(fits, likeness, 0.0), float(np.median(new.sizes[:, 1])))
    away = np.hypot(*np.moveaxis(apart - shift, 2, 0)) / larger
    worth = np.where(fits & (away < _NEAR), 1 + likeness - 2 * away, -np.inf)
    return Matches([Pair(*pair, float(likeness[pair])) for pair in _pairs(worth)], shift)


def _movement(apart: Reals, likeness: Reals, height: float) -> Reals:
    """The movement on which most of what looks alike agrees, float64 (2,) pixels."""
    steps = np.round(apart / (_CELL * height)).astype(np.int64)
    half = round(_REACH / _CELL)
    seen = (np.abs(steps) <= half).all(axis=2) & (likeness > _ALIKE)
    wide = 2 * half + 3  # with a margin, so that neighbours of a cell need no care
    votes = np.zeros((wide, wide))
    x, y = (steps[seen] + half + 1).T
    np.add.at(votes, (y, x), likeness[seen] ** 2)
    votes = np.asarray(cv2.GaussianBlur(votes, (3, 3), 0.8), np.float64)
    votes[half + 1, half + 1] *= _STILL
    row, column = np.unravel_index(int(np.argmax(votes)), votes.shape)
    if not votes[row, column]:
        return np.zeros(2)
    peak = np.array([column, row]) - half - 1
    close = seen & (np.abs(steps - peak) <= 1).all(axis=2)
    if not close.any():
        return np.zeros(2)
    return np.asarray(np.median(apart[close], axis=0), np.float64)


def _pairs(worth: Reals) -> list[tuple[int, int]]:
    """The best pair first, then the best of what is left."""
    rows, columns = np.nonzero(np.isfinite(worth))
    order = np.argsort(-worth[rows, columns], kind="stable")
    old_free, new_free = np.ones(worth.shape[0], bool), np.ones(worth.shape[1], bool)
    pairs = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if old_free[row] and new_free[column]:
            old_free[row] = new_free[column] = False
            pairs.append((row, column))
    return pairs
