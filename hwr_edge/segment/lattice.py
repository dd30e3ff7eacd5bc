"""Pieces of ink in a row, the glyphs that runs of them could form, and the best way through."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import pairwise

import cv2
import numpy as np

from hwr_edge.ink import INK, Pixels
from hwr_edge.segment.cuts import Seam

_MAX_RUN = 5  # pieces a glyph may be made of
_MAX_WIDTH = 1.35  # width of a glyph, in heights of the writing
_FLOOR = 1e-4  # a confidence below this says no more than this

_USUAL_WIDTH = 0.65  # of a glyph, in heights of the writing
_LOW = 0.2  # so much lower than the line's may the head of a tall character be
_MARK, _PAIR = 0.6, 0.75  # at most so high: a comma, and an equals sign or a colon
_LONG = 1.2  # at most so wide: any mark but a dash
_FLAT = 0.3  # of its width: height of a dash, which may be of any length
_PART = 0.35  # height of each part of a pair
_TRUST = 3.0  # so many times more for each nat of doubt about parts of a glyph believed to be one

# What each trait costs, in nats; sizes are in heights of the writing. Fitted by maximum likelihood over all
# ways of cutting, a conditional random field: `python -m benchmarks.cutting`, which anew moves them little.
GLYPH = (
    10.2,  # foot higher than 0.2 above the baseline
    8.5,  # gaps between its pieces, their widths added up
    1.3,  # a cut at a side
    0.9,  # a closed loop that it breaks
    13.7,  # of a tall character: head lower than 0.2 below the line's
    5.9,  # width over the usual; wide characters such as W may have more
    3.05,  # a nat of the recogniser's doubt
)
MARK = (
    0.5,  # being left out, as a dot, comma or dash
    3.6,  # height over 0.25
    -4.9,  # width over 0.4: a dash is no character
    3.2,  # ink, in strokes as long as the writing is high
    6.6,  # of what is cut off: width over 0.3
)


@dataclass(frozen=True)
class Reading:
    """The likeliest class, its confidence, how many heights wider than others it may be, if it is tall."""

    shape: int
    confidence: float
    spare: float
    tall: bool


@dataclass(frozen=True, eq=False)
class Piece:
    """The smallest part: never divided further.

    Attributes:
        plane: uint8 (h, w) its ink alone, cut tight.
        x0, y0: place of the plane's corner.
        seam: the cut to its left; None where a gap is to its left.
        trust: how far it was believed to be one glyph with the piece to its left, 0-1.
        glyph: number of the located glyph that it is part of.
        whole: the reading where this piece is a glyph already scored, else None.
    """

    plane: Pixels
    x0: int
    y0: int
    seam: Seam | None
    trust: float = 0.0
    glyph: int = 0
    whole: Reading | None = None

    @property
    def x1(self) -> int:
        """One past the last column."""
        return self.x0 + int(self.plane.shape[1])

    @property
    def y1(self) -> int:
        """One past the last row."""
        return self.y0 + int(self.plane.shape[0])


@dataclass(frozen=True)
class Scale:
    """The writing in pixels: its height, row of its baseline, pen's width, and slant (columns per row up)."""

    height: float
    foot: float
    stroke: float
    slant: float


@dataclass(frozen=True, eq=False)
class Candidate:
    """A run of pieces `first` to `last` (inclusive) that could be one glyph.

    Attributes:
        plane: uint8 (h, w) the ink of all its pieces.
        x0, y0: place of the plane's corner.
        form: its traits that do not depend on how it is read, as `GLYPH` orders them.
        low: how much lower its head is than the line's, in heights of the writing.
        wide: its width in heights of the writing.
        trust: how far a glyph that it is cut from was believed to be one, 0-1.
        known: its reading where it is a glyph already scored, else None.
    """

    first: int
    last: int
    plane: Pixels
    x0: int
    y0: int
    form: tuple[float, ...]
    low: float
    wide: float
    trust: float
    known: Reading | None

    def traits(self, reading: Reading) -> tuple[float, ...]:
        """What speaks against taking it for a glyph of this reading, as `GLYPH` orders it."""
        low = max(0.0, self.low - _LOW) if reading.tall else 0.0
        width = max(0.0, self.wide - reading.spare - _USUAL_WIDTH)
        return (*self.form, low, width, (1 + _TRUST * self.trust) * doubt(reading.confidence))


def join(pieces: Sequence[Piece]) -> tuple[Pixels, int, int]:
    """The ink of some pieces on one plane, and the place of its corner."""
    if len(pieces) == 1:
        return pieces[0].plane, pieces[0].x0, pieces[0].y0
    x0, y0 = min(piece.x0 for piece in pieces), min(piece.y0 for piece in pieces)
    plane = np.zeros((max(p.y1 for p in pieces) - y0, max(p.x1 for p in pieces) - x0), np.uint8)
    for piece in pieces:
        window = plane[piece.y0 - y0 : piece.y1 - y0, piece.x0 - x0 : piece.x1 - x0]
        np.maximum(window, piece.plane, out=window)
    return plane, x0, y0


def candidates(pieces: Sequence[Piece], scale: Scale) -> list[Candidate]:
    """Every run of neighbouring pieces no wider than a glyph, and every glyph as it was located.

    Glyphs already sure are not joined with one another.
    """
    runs = _located(pieces)
    for first in range(len(pieces)):
        for last in range(first, min(len(pieces), first + _MAX_RUN)):
            run = pieces[first : last + 1]
            width = max(p.x1 for p in run) - min(p.x0 for p in run)
            if last > first and width > _MAX_WIDTH * scale.height:
                break
            if last == first or any(piece.whole is None for piece in run):
                runs.add((first, last))
    return [_candidate(pieces, first, last, scale) for first, last in sorted(runs)]


def _located(pieces: Sequence[Piece]) -> set[tuple[int, int]]:
    """First and last piece of each glyph as it was located, where its pieces are still neighbours."""
    ends: dict[int, list[int]] = {}
    for number, piece in enumerate(pieces):
        ends.setdefault(piece.glyph, []).append(number)
    return {(own[0], own[-1]) for own in ends.values() if own[-1] - own[0] == len(own) - 1}


def _candidate(pieces: Sequence[Piece], first: int, last: int, scale: Scale) -> Candidate:
    run = pieces[first : last + 1]
    plane, x0, y0 = join(run)
    after = pieces[last + 1] if last + 1 < len(pieces) else None
    seams = [run[0].seam, after.seam if after else None]
    cuts = sum(seam is not None for seam in seams), sum(seam.loops for seam in seams if seam)
    above = (scale.foot - y0 - plane.shape[0]) / scale.height
    form = (max(0.0, above - 0.2), _gaps(run, scale), *cuts)
    low = 1 - (scale.foot - y0) / scale.height
    wide = plane.shape[1] / scale.height
    trust = max(run[0].trust, after.trust if after else 0.0)
    known = run[0].whole if last == first else None
    return Candidate(first, last, plane, x0, y0, form, low, wide, trust, known)


def marks(pieces: Sequence[Piece], scale: Scale) -> list[tuple[float, ...] | None]:
    """What speaks against leaving each piece out, as `MARK` orders it; None if too large for one."""
    seams = [*(piece.seam for piece in pieces), None]
    found: list[tuple[float, ...] | None] = []
    for piece, (left, right) in zip(pieces, pairwise(seams), strict=True):
        parts = _parts(piece.plane, scale)
        whole = left is None and right is None
        over = 0.0 if whole else max(0.0, piece.plane.shape[1] / scale.height - 0.3)
        sums = [sum(values) for values in zip(*(_mark(part, scale) for part in parts), strict=True)]
        found.append((*sums, over) if parts else None)
    return found


def _parts(plane: Pixels, scale: Scale) -> list[Pixels]:
    """The marks that a piece could be: itself, or those of a pair, one over the other; none if too large."""
    tall, wide = plane.shape[0] / scale.height, plane.shape[1] / scale.height
    if tall <= _MARK and (wide <= _LONG or tall <= _FLAT * wide):
        return [plane]
    parts = _stacked(plane) if tall <= _PAIR and wide <= _LONG else []
    pair = len(parts) == 2 and max(part.shape[0] for part in parts) <= _PART * scale.height
    return parts if pair else []


def _mark(plane: Pixels, scale: Scale) -> tuple[float, ...]:
    tall, wide = plane.shape[0] / scale.height, plane.shape[1] / scale.height
    ink = float(plane.sum()) / 255 / (scale.height * scale.stroke)
    return 1.0, max(0.0, tall - 0.25), max(0.0, wide - 0.4), ink


def _stacked(plane: Pixels) -> list[Pixels]:
    """The separate pieces of ink on a plane, specks left out, each cut tight: uint8 (h, w)."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((plane >= INK).astype(np.uint8))
    parts = []
    for number in range(1, count):
        x, y, width, height, area = stats[number].tolist()
        window = (slice(y, y + height), slice(x, x + width))
        if area >= 4:
            parts.append(np.where(labels[window] == number, plane[window], 0).astype(np.uint8))
    return parts


def best_path(count: int, choices: Sequence[tuple[int, int, float]]) -> list[int]:
    """The first of `best_paths`."""
    return best_paths(count, choices, 1)[0][0]


def best_paths(
    count: int, choices: Sequence[tuple[int, int, float]], most: int
) -> list[tuple[list[int], float]]:
    """Ways to cover pieces 0 to count - 1 without overlap, cheapest first.

    Args:
        count: how many pieces there are.
        choices: (first piece, last piece, cost) of each candidate; every piece is in one of length 1.
        most: how many ways at most.

    Returns:
        Positions of the chosen candidates in `choices`, left to right, and what they cost together.
    """
    # The cheapest ways up to each piece: cost, the last candidate, and which of the ways up to that one.
    ways: list[list[tuple[float, int, int]]] = [[(0.0, -1, 0)]]
    ending: list[list[int]] = [[] for _ in range(count)]
    for position, (_, last, _) in enumerate(choices):
        ending[last].append(position)
    for last in range(count):
        longer = (
            (before + choices[position][2], position, rank)
            for position in ending[last]
            for rank, (before, _, _) in enumerate(ways[choices[position][0]])
        )
        ways.append(nsmallest(most, longer))
    return [(_traced(ways, choices, rank), cost) for rank, (cost, _, _) in enumerate(ways[count])]


def _traced(
    ways: Sequence[Sequence[tuple[float, int, int]]], choices: Sequence[tuple[int, int, float]], rank: int
) -> list[int]:
    path, end = [], len(ways) - 1
    while end > 0:
        _, position, rank = ways[end][rank]
        path.append(position)
        end = choices[position][0]
    return path[::-1]


def doubt(confidence: float) -> float:
    """Nats lost to the recogniser's doubt."""
    return -math.log(max(confidence, _FLOOR))


def cost(weights: Sequence[float], traits: Sequence[float]) -> float:
    """Nats for all that speaks against a choice."""
    return sum(weight * trait for weight, trait in zip(weights, traits, strict=True))


def _gaps(run: Sequence[Piece], scale: Scale) -> float:
    """Parts of one character lie close together: how wide the gaps between them are, all in all."""
    width, reach = 0.0, run[0].x1
    for piece in run[1:]:
        if piece.seam is None:
            width += max(0.0, (piece.x0 - reach) / scale.height)
        reach = max(reach, piece.x1)
    return width
