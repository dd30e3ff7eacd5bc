"""From located glyphs to characters and text: scores, cuts, context, and whether it is legible."""

import itertools
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hwr_edge import decode, runtimes
from hwr_edge.context.known import Known
from hwr_edge.image import to_batch
from hwr_edge.ink import INK, Pixels
from hwr_edge.locate import Line
from hwr_edge.locate.layout import Layout, in_image
from hwr_edge.prediction import Character
from hwr_edge.spec import ModelSpec
from hwr_edge.tangle import flat, tangled

if TYPE_CHECKING:
    from hwr_edge.segment import Way

_WAYS = 16  # of cutting a word, between which its text decides
_SAMPLE = 16  # glyphs of a page whose ink is looked at
_STAGES = ("load", "decode", "locate", "prepare", "inference")


class Watch:
    """Laps of one stop watch: every moment belongs to one stage, so the stages add up to the total."""

    def __init__(self) -> None:
        self._stages = dict.fromkeys(_STAGES, 0.0)
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """What has passed since the last lap belongs to this stage."""
        now = time.perf_counter()
        self._stages[stage] += now - self._last
        self._last = now

    def add(self, other: "Watch", share: float) -> None:
        """A share of another watch, on what was done for several at once."""
        for stage, seconds in other._stages.items():
            self._stages[stage] += share * seconds

    def milliseconds(self) -> dict[str, float]:
        """Each stage, and their total."""
        rounded = {stage: round(1000 * seconds, 3) for stage, seconds in self._stages.items()}
        return {**rounded, "total": round(sum(rounded.values()), 3)}


class Scores:
    """Calibrated scores of the crops of one picture; each crop goes through the model once."""

    def __init__(self, spec: ModelSpec, runtime: runtimes.Runtime, charset: str | None, watch: Watch) -> None:
        self.labels = decode.allowed_labels(spec.labels, charset)[1]
        self._spec, self._runtime, self._charset, self._watch = spec, runtime, charset, watch
        # Keyed by identity; the crop is kept beside its row so that its id cannot be used again.
        self._known: dict[int, tuple[Pixels, NDArray[np.float32]]] = {}

    def __call__(self, crops: list[Pixels]) -> NDArray[np.float32]:
        """Float32 (N, allowed labels) for uint8 (h, w) ink patches."""
        self._watch.lap("locate")
        new = [crop for crop in crops if id(crop) not in self._known]
        if new:
            batch = to_batch(new, self._spec.input)
            self._watch.lap("prepare")
            scores = decode.calibrate(self._runtime.run(batch), self._spec, self._charset)
            self._known.update((id(crop), (crop, row)) for crop, row in zip(new, scores, strict=True))
            self._watch.lap("inference")
        rows = [self._known[id(crop)][1] for crop in crops]
        return np.stack(rows) if rows else np.zeros((0, len(self.labels)), np.float32)


@dataclass(frozen=True, eq=False)
class Reading:
    """How the writing of a picture was cut, and what each glyph looks like by itself.

    Attributes:
        found: the glyphs as they were found.
        lines: the glyphs as they are read.
        table: float32 (N, allowed labels) their calibrated scores, in reading order.
    """

    found: Layout
    lines: Sequence[Line]
    table: NDArray[np.float32]


def read_layout(found: Layout, scores: Scores, known: Known | None) -> Reading:
    """Cut and score what was found; `known` is None for a character that stands alone, which is not cut."""
    lines = found.lines if known is None else cut_anew(found.lines, scores, known)
    return Reading(found, lines, scores([glyph.crop for line in lines for glyph in line.glyphs]))


def cut_anew(lines: Sequence[Line], scores: Scores, known: Known) -> list[Line]:
    """Let the recogniser decide about joined and broken glyphs; words left empty go, and lines with them.

    Where the line is to be looked at, the likelier text decides between ways of cutting a word.
    """
    from hwr_edge import segment  # not needed for single characters, whose process it would slow down
    from hwr_edge.context.cuts import likeliest
    from hwr_edge.context.decode import neighbours_tell

    shapes = decode.same_shape(scores.labels)
    forms = segment.usual_forms(scores.labels, shapes)
    words = [word for line in lines for word in line.words]
    several = neighbours_tell(scores.labels, known)
    anew = iter(segment.ways(words, lambda crops: scores(crops) @ shapes, forms, _WAYS if several else 1))
    rows = []
    for line in lines:
        ways = list(itertools.islice(anew, len(line.words)))
        best = [0] * len(ways)
        if any(len(own) > 1 for own in ways):
            best = likeliest([[_option(way, scores) for way in own] for own in ways], scores.labels)
        rows.append([word for own, number in zip(ways, best, strict=True) if (word := own[number].word)])
    return [Line(tuple(row)) for row in rows if row]


def _option(way: "Way", scores: Scores) -> tuple[NDArray[np.float32] | None, float]:
    return scores([glyph.crop for glyph in way.word.glyphs]) if way.word else None, way.cost


def characters_of(
    reading: Reading, labels: tuple[str, ...], top_k: int, limit: float, known: Known | None
) -> tuple[Character, ...]:
    """The characters of all lines in order, with their boxes in the image.

    `known` is None for a character that stands alone.
    """
    table, turn = reading.table, reading.found.turn
    glyphs = [glyph for line in reading.lines for glyph in line.glyphs]
    if known and glyphs:
        from hwr_edge.context.decode import in_context  # not needed for single characters either

        table = in_context(reading.lines, table, labels, known)
    answers = decode.rank(table, labels, top_k, limit)
    boxes = [in_image(glyph, turn) if turn else glyph.box for glyph in glyphs]
    return tuple(
        Character(answer.label, answer.confidence, (box.x0, box.y0, box.x1, box.y1), answer.alternatives)
        for answer, box in zip(answers, boxes, strict=True)
    )


def texts_of(lines: Sequence[Line], characters: Sequence[Character]) -> tuple[str, ...]:
    """The text of each line: the labels in order, a space between words."""
    labels = iter(character.label for character in characters)
    return tuple(
        " ".join("".join(itertools.islice(labels, len(word.glyphs))) for word in line.words) for line in lines
    )


def filled(pattern: str, texts: Sequence[str]) -> tuple[tuple[str, ...], bool]:
    """The lines in the shape of a field where they fit it, and whether all of them do."""
    from hwr_edge.context.pattern import fill

    fields = [fill(pattern, text.replace(" ", "")) for text in texts]
    filled = tuple(text if field is None else field for text, field in zip(texts, fields, strict=True))
    return filled, None not in fields


def legibility(characters: Sequence[Character], reading: Reading, labels: Sequence[str]) -> float:
    """How sure the text is, 0-1: of its characters in their line, and of each shape by itself.

    Joined letters that happen to make a likely word are no good shapes; good shapes that make no word are.
    """
    if not characters:
        return 0.0
    shapes = (reading.table @ decode.same_shape(labels)).max(axis=1)
    return math.sqrt(mean(character.confidence for character in characters) * float(shapes.mean()))


def joined_share(located: Sequence[Line], lines: Sequence[Line]) -> float:
    """Share of the characters that were cut from one piece of ink with others, 0-1, 0 of nothing.

    Args:
        located: the glyphs as they were found.
        lines: the same after `cut_anew`.
    """
    whole, parts = _corners(located), _corners(lines)
    middle = (parts[:, :2] + parts[:, 2:]) / 2
    inside = (middle[:, None] >= whole[:, :2]) & (middle[:, None] <= whole[:, 2:])
    held: NDArray[np.bool_] = np.logical_and(inside[..., 0], inside[..., 1])  # (parts, whole)
    shared = np.count_nonzero(held[:, held.sum(axis=0) > 1].any(axis=1))
    return shared / len(parts) if len(parts) else 0.0


def left_out(reading: Reading) -> float:
    """Share of the ink that was found, 0-1, in no glyph that is read: what was taken for dots and dashes."""
    before, after = (
        sum(int(np.count_nonzero(glyph.crop >= INK)) for line in lines for glyph in line.glyphs)
        for lines in (reading.found.lines, reading.lines)
    )
    return max(0.0, 1 - after / before) if before else 0.0


def _corners(lines: Sequence[Line]) -> NDArray[np.int64]:
    boxes = [glyph.box for line in lines for glyph in line.glyphs]
    return np.array([(box.x0, box.y0, box.x1, box.y1) for box in boxes], np.int64).reshape(-1, 4)


def mostly_tangled(lines: Sequence[Line]) -> bool:
    """Whether every second glyph, or more, is no character by its ink alone, or every line is one rule.

    Of many glyphs some are looked at.
    """
    crops = [glyph.crop for line in lines for glyph in line.glyphs]
    if 1 < len(crops) == len(lines) and all(map(flat, crops)):
        return True
    sample = crops[:: len(crops) // _SAMPLE + 1]
    return bool(sample) and 2 * sum(map(tangled, sample)) >= len(sample)


def mean(values: Iterable[float]) -> float:
    """The mean, 0 of nothing."""
    listed = list(values)
    return sum(listed) / len(listed) if listed else 0.0
