"""From words with doubtful glyphs to words whose glyphs the recogniser believes in."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice, pairwise

import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels
from hwr_edge.locate.layout import Box, Glyph, Word
from hwr_edge.segment.cuts import cut, find_seams, slant_of, stroke_width
from hwr_edge.segment.forms import Forms
from hwr_edge.segment.lattice import (
    GLYPH,
    MARK,
    Candidate,
    Piece,
    Reading,
    Scale,
    best_paths,
    candidates,
    cost,
    marks,
)

Score = Callable[[list[Pixels]], NDArray[np.float32]]

_SURE = 0.97  # a glyph of usual shape with this confidence is left alone
_BELIEVED = 0.6  # from this confidence on, a glyph is cut only into parts that are surer still
_USUAL_WIDTH = 1.15  # at most, in heights of the writing
_USUAL_HEIGHT = 0.45  # at least
_GAP_APART = 0.4  # from this median gap on, in heights of the writing, characters are lettered apart
_WIDTH_APART = 1.4  # and are one each up to this width
_SAMPLE = 12  # glyphs from which pen and slant are measured
_NEVER_CUT = 0.3  # glyphs lower than this, in heights of the writing, are dots and dashes


@dataclass(frozen=True, eq=False)
class Task:
    """A word to be cut anew: its pieces, all glyphs that they could form, and how each of these is read."""

    pieces: list[Piece]
    sure: dict[int, Glyph]
    scale: Scale
    zoom: tuple[float, float]
    options: list[Candidate]
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, eq=False)
class Way:
    """One way of cutting a word: its glyphs, None where none is left, and what speaks against it, in nats."""

    word: Word | None
    cost: float


def ways(words: Sequence[Word], score: Score, forms: Forms | None = None, most: int = 1) -> list[list[Way]]:
    """Cut joined characters, mend broken ones, and leave out dots, commas and dashes.

    Words whose glyphs are all of usual shape and surely recognised come back as they are, after one call
    of `score`; the others are cut into pieces, and all glyphs that neighbouring pieces could form are
    scored in a second call.

    Args:
        words: the words of one picture, in reading order.
        score: takes uint8 (h, w) ink patches, gives float32 (N, classes) calibrated probabilities.
        forms: what each class looks like; None where all are much alike.
        most: how many ways of each word at most.

    Returns:
        For each word, in the same order, its ways, the best one first.
    """
    tasks = plan(words, score, forms)
    return [[Way(task, 0.0)] if isinstance(task, Word) else _ways(task, most) for task in tasks]


def plan(words: Sequence[Word], score: Score, forms: Forms | None = None) -> list[Task | Word]:
    """For each word all that could be made of it, or itself where nothing about it is doubtful."""
    glyphs = [glyph for word in words for glyph in word.glyphs]
    if not glyphs:
        return list(words)
    readings = iter(_readings(score([glyph.crop for glyph in glyphs]), forms))
    height = _usual_height(glyphs)
    pen = cache(lambda: _pen(glyphs, height))  # most pages have no doubtful word and never ask for it
    tasks = [_plan(word, list(islice(readings, len(word.glyphs))), height, pen) for word in words]
    options = [option for task in tasks if isinstance(task, Task) for option in task.options]
    patches = [option.plane for option in options if option.known is None]
    if not patches:
        return list(words)
    fresh = iter(_readings(score(patches), forms))
    return [task if isinstance(task, Word) else _read(task, fresh) for task in tasks]


def _read(task: Task, fresh: Iterator[Reading]) -> Task:
    """The task with a reading for each option; `fresh` gives those not known before."""
    return replace(task, readings=tuple(next(fresh) if o.known is None else o.known for o in task.options))


def _readings(scores: NDArray[np.float32], forms: Forms | None) -> list[Reading]:
    classes = scores.shape[1]
    forms = forms or Forms(np.zeros(classes, np.float32), np.zeros(classes, np.bool_))
    best = scores.argmax(axis=1)
    columns = best, scores.max(axis=1), forms.spare[best], forms.tall[best]
    return [Reading(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]


def _usual_height(glyphs: Sequence[Glyph]) -> float:
    """Height of the writing in image pixels: that of the taller glyphs, dots and dashes left out.

    On a page the tallest tenth does not set it: one piece of a form's frame would make marks of all letters.
    """
    heights = sorted(glyph.box.height for glyph in glyphs)
    tall = heights[math.ceil(0.9 * (len(heights) - 1))]
    large = [height for height in heights if height >= 0.5 * tall]
    return float(large[int(0.6 * (len(large) - 1) + 0.5)])


def _pen(glyphs: Sequence[Glyph], height: float) -> tuple[float, float]:
    """Width of the pen in crop pixels and slant of the writing, from some of the taller glyphs."""
    tall = [glyph.crop for glyph in glyphs if glyph.box.height >= 0.6 * height]
    sample = tall[:: len(tall) // _SAMPLE + 1]
    return float(np.median([stroke_width(crop) for crop in sample])), slant_of(sample)


def _plan(
    word: Word, readings: list[Reading], usual: float, pen: Callable[[], tuple[float, float]]
) -> Task | Word:
    """The word itself where nothing about it is doubtful, else its pieces and candidates."""
    own = _usual_height(word.glyphs)
    height = float(np.clip(own, 0.75 * usual, 1.33 * usual))
    apart = _apart(word, height)
    # Who leaves wide gaps does not join characters: there, only a very wide glyph can be two.
    most = _WIDTH_APART if apart else _USUAL_WIDTH
    doubtful = [
        (reading.confidence < _SURE and not apart)
        or glyph.box.width > (most + reading.spare) * height
        or glyph.box.height < _USUAL_HEIGHT * height
        for glyph, reading in zip(word.glyphs, readings, strict=True)
    ]
    if not any(doubtful):
        return word
    zoom = _zoom(word.glyphs)
    tall = [g for g in word.glyphs if g.box.height >= 0.6 * height] or list(word.glyphs)
    foot = float(np.median([g.box.y1 for g in tall])) / zoom[1]
    scale = Scale(height / zoom[1], foot, *pen())
    pieces: list[Piece] = []
    sources: list[Glyph] = []
    for glyph, unsure, reading in zip(word.glyphs, doubtful, readings, strict=True):
        x0, y0 = round(glyph.box.x0 / zoom[0]), round(glyph.box.y0 / zoom[1])
        if unsure:
            parts = _pieces(glyph.crop, x0, y0, scale, _trust(reading))
        else:
            parts = [Piece(glyph.crop, x0, y0, None, whole=reading)]
        pieces += [replace(part, glyph=len(sources)) for part in parts]
        sources += [glyph] * len(parts)
    order = sorted(range(len(pieces)), key=lambda i: pieces[i].x0 + pieces[i].x1)
    kept = {place: sources[i] for place, i in enumerate(order) if pieces[i].whole is not None}
    row = _in_order(pieces, order)
    return Task(row, kept, scale, zoom, candidates(row, scale))


def _apart(word: Word, height: float) -> bool:
    """Whether the characters of a word are lettered with wide gaps, as in forms and on boards."""
    gaps = sorted(right.box.x0 - left.box.x1 for left, right in pairwise(word.glyphs))
    return len(gaps) > 1 and gaps[len(gaps) // 2] > _GAP_APART * height


def _zoom(glyphs: Sequence[Glyph]) -> tuple[float, float]:
    """Image pixels per crop pixel, x and y."""
    widths = sum(glyph.box.width for glyph in glyphs) / sum(glyph.crop.shape[1] for glyph in glyphs)
    heights = sum(glyph.box.height for glyph in glyphs) / sum(glyph.crop.shape[0] for glyph in glyphs)
    return widths, heights


def _pieces(plane: Pixels, x0: int, y0: int, scale: Scale, trust: float) -> list[Piece]:
    """The parts of one glyph between its seams."""
    small = plane.shape[0] < _NEVER_CUT * scale.height
    seams = [] if small else find_seams(plane, scale.stroke, scale.height, scale.slant)
    found = []
    for number, part in enumerate(cut(plane, seams, scale.stroke)):
        rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
        if not len(rows):
            continue
        seam = seams[number - 1] if number else None
        tight = part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        if seam is not None and seam.crossed < 0.2 * scale.stroke:
            seam = None
        found.append(Piece(tight, x0 + int(columns[0]), y0 + int(rows[0]), seam, trust if number else 0.0))
    return found


def _trust(reading: Reading) -> float:
    """0 for a glyph read with at most `_BELIEVED`, rising to 1 for one without doubt."""
    return max(0.0, (reading.confidence - _BELIEVED) / (1 - _BELIEVED))


def _in_order(pieces: list[Piece], order: list[int]) -> list[Piece]:
    """The pieces from left to right; where another glyph's piece comes between, there is no seam any more."""
    result = []
    for before, now in zip([-1, *order], order, strict=False):
        piece = pieces[now]
        result.append(piece if before == now - 1 else replace(piece, seam=None, trust=0.0))
    return result


def _ways(task: Task, most: int) -> list[Way]:
    """The cheapest paths, as the glyphs along them; what is a mark on its path is no glyph."""
    choices = [
        (option.first, option.last, cost(GLYPH, option.traits(reading)))
        for option, reading in zip(task.options, task.readings, strict=True)
    ]
    for number, traits in enumerate(marks(task.pieces, task.scale)):
        choices.append((number, number, math.inf if traits is None else cost(MARK, traits)))
    found = []
    for path, price in best_paths(len(task.pieces), choices, most):
        glyphs = tuple(_glyph(task.options[i], task) for i in path if i < len(task.options))
        found.append(Way(Word(glyphs) if glyphs else None, price))
    return found


def _glyph(option: Candidate, task: Task) -> Glyph:
    """The option as a glyph in image pixels; one that was sure before comes back as it was."""
    if option.known is not None:
        return task.sure[option.first]
    zoom = task.zoom
    height, width = option.plane.shape
    x0, y0 = round(option.x0 * zoom[0]), round(option.y0 * zoom[1])
    x1, y1 = round((option.x0 + width) * zoom[0]), round((option.y0 + height) * zoom[1])
    return Glyph(Box(x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)), option.plane)
