"""One frame after another to steady text: read, follow, vote, tell."""

import time
from dataclasses import dataclass, replace

import cv2
import numpy as np

from hwr_edge.decode import OptionError
from hwr_edge.image import MIN_SIDE
from hwr_edge.ink import Pixels, luminance
from hwr_edge.prediction import Character, Prediction
from hwr_edge.recognizer import Recognizer
from hwr_edge.video.events import Event, Teller
from hwr_edge.video.frames import Frame
from hwr_edge.video.memory import Remembering
from hwr_edge.video.rows import Row, Rows, character_of
from hwr_edge.video.tracking import Track, Tracker
from hwr_edge.video.vote import ENTER

Region = tuple[int, int, int, int]  # x, y, width, height in pixels of the frame

_CELL = 8  # pixels: the picture is compared with the last one read in cells of this size
_CHANGED = 8.0  # mean difference in a cell, grey levels, from which on the picture is another one


@dataclass(frozen=True)
class Wishes:
    """How frames are read; see `Recognizer.predict`.

    Attributes:
        min_confidence: 0-1, the share of the vote from which on a character is stable.
    """

    layout: str = "page"
    charset: str | None = None
    top_k: int = 5
    min_confidence: float | None = None
    invert: str = "auto"


@dataclass(frozen=True, eq=False)
class Answer:
    """What is known once a frame has been read.

    Attributes:
        frame: the frame.
        rows: lines in reading order, boxes in pixels of the whole frame.
        events: what is to be told now.
        region: the part of the frame that was read.
        changed: whether the picture was another than the last one read.
        read: crops that went through the model.
        stages: milliseconds by stage; those that the frame did not need are missing.
    """

    frame: Frame
    rows: tuple[Row, ...]
    events: tuple[Event, ...]
    region: Region
    changed: bool
    read: int
    stages: dict[str, float]

    @property
    def lines(self) -> tuple[str, ...]:
        """The stable text of each line that has any."""
        return tuple(text for row in self.rows if (text := row.text))

    @property
    def tracks(self) -> tuple[Track, ...]:
        """All characters in reading order, stable or not."""
        return tuple(track for row in self.rows for track in row.tracks)

    @property
    def characters(self) -> tuple[Character, ...]:
        """The stable characters in reading order."""
        return tuple(character_of(track) for track in self.tracks if track.vote.stable)


class Pipeline:
    """Reads a stream of frames with one recogniser; not to be shared between threads.

    Attributes:
        region: the part of the frames to read, None for all; may be set at any time.

    Args:
        recognizer: its model and runtime are used.
        wishes: how frames are read.
        region: the part of the frames to read.

    Raises:
        OptionError: a wish that makes no sense for the model.
    """

    def __init__(self, recognizer: Recognizer, wishes: Wishes | None = None, region: Region | None = None):
        self.region = region
        self._wishes = wishes or Wishes()
        wish = self._wishes
        recognizer.check(wish.layout, wish.charset, wish.top_k, wish.min_confidence, wish.invert)
        self._memory = Remembering(recognizer.runtime)
        self._reader = Recognizer.of(recognizer.spec, self._memory, recognizer.model.sha256, recognizer.known)
        self._tracker = Tracker(ENTER if wish.min_confidence is None else wish.min_confidence)
        self._rows = Rows(recognizer.known.pattern)
        self._teller = Teller()
        self._last: tuple[Region, Pixels, Prediction] | None = None

    def step(self, frame: Frame) -> Answer:
        """Read one frame.

        Raises:
            OptionError: the region lies outside the frame.
            ImageError: the frame is too small or too large to be read.
        """
        start = time.perf_counter()
        pixels = frame.pixels
        region = _inside(pixels, self.region)
        grey = luminance(pixels)
        view = _cut(grey, region)
        changed = self._last is None or self._last[0] != region or differs(self._last[1], view)
        stages = {"wait": 1000 * (start - frame.taken), "compare": _since(start)}
        if changed:
            prediction = self._read(_cut(pixels, region), region)
            self._last = region, view, prediction
            stages |= {
                "locate": prediction.timing_ms["decode"] + prediction.timing_ms["locate"],
                "prepare": prediction.timing_ms["prepare"],
                "inference": prediction.timing_ms["inference"],
            }
        assert self._last is not None
        prediction = self._last[2]
        lap = time.perf_counter()
        tracks = self._tracker.update(grey, prediction.characters, frame.at)
        rows = self._rows.update(prediction, tracks, frame.at, self._tracker.calm)
        events = tuple(self._teller.update(rows, frame.at, frame.number, self._tracker.calm))
        stages["track"] = _since(lap)
        return Answer(frame, rows, events, region, changed, self._memory.read if changed else 0, stages)

    def _read(self, view: Pixels, region: Region) -> Prediction:
        self._memory.turn()
        wish = self._wishes
        found = self._reader.predict(view, wish.layout, wish.charset, wish.top_k, None, wish.invert)
        x, y = region[:2]
        moved = tuple(
            one._replace(box=(one.box[0] + x, one.box[1] + y, one.box[2] + x, one.box[3] + y))
            for one in found.characters
        )
        return replace(found, characters=moved)


def differs(one: Pixels, other: Pixels) -> bool:
    """Whether two pictures differ by more than a camera's noise anywhere."""
    if one.shape != other.shape:
        return True
    rows, columns = (max(1, side // _CELL) for side in one.shape[:2])
    whole = (
        slice(rows * _CELL),
        slice(columns * _CELL),
    )  # of whole cells: reducing them is several times faster
    apart = cv2.absdiff(one[whole], other[whole])
    return float(cv2.resize(apart, (columns, rows), interpolation=cv2.INTER_AREA).max()) > _CHANGED


def _inside(pixels: Pixels, region: Region | None) -> Region:
    """The part of a region that lies in the picture; for None all of the picture."""
    height, width = pixels.shape[:2]
    if region is None:
        # Sides of whole fours are reduced several times faster; the last pixels of a frame are not missed.
        return 0, 0, max(width - width % 4, MIN_SIDE), max(height - height % 4, MIN_SIDE)
    x, y, wide, tall = region
    x1, y1 = min(width, x + wide), min(height, y + tall)
    x, y = max(0, x), max(0, y)
    if min(x1 - x, y1 - y) < MIN_SIDE:
        raise OptionError(f"--roi {','.join(map(str, region))} leaves nothing of a {width}x{height} frame")
    return x, y, x1 - x, y1 - y


def _cut(pixels: Pixels, region: Region) -> Pixels:
    x, y, width, height = region
    return np.ascontiguousarray(pixels[y : y + height, x : x + width])


def _since(start: float) -> float:
    return 1000 * (time.perf_counter() - start)
