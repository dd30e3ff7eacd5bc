"""What `hwr-edge camera` reaches on the real clip: `python -m benchmarks.camera [--check]`.

- digits stable: on every frame after the first five, the stable characters in reading order are aligned with
  the rows on the sheet as in benchmarks/pages.py; the worst frame counts.
- aslant: the same with every frame turned by so many degrees, once the first ten are over.
- milliseconds a frame: the whole pipeline from picture to events on one core. Every second frame of the clip
  repeats the one before and costs next to nothing, so the frames that do not are given apart.
- in real time: the clip over and over at 25 frames a second, through the thread that keeps the newest frame.
- memory: how much a process grows from frame 400 to frame 2,400.

Writes results/camera.json; with --check a figure outside its limit ends with 4.
"""

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.pages import DATA, SHEET, align
from hwr_edge import Recognizer
from hwr_edge.errors import CheckFailed
from hwr_edge.modelfile import write_json
from hwr_edge.video.frames import Frame, InTurn, Newest
from hwr_edge.video.pipeline import Answer, Pipeline
from hwr_edge.video.sources import Shot, Wanted, open_source

RESULT = Path(__file__).parent / "results" / "camera.json"
FIRST = 5  # frames that are not judged
ASLANT = (5, -10, 15)  # degrees
FIRST_ASLANT = 10
RATE = 25.0
REAL_TIME = 20  # seconds
WARM, FRAMES = 400, 2400

Row = dict[str, Any]


class Loop:
    """The clip over and over, as a source that sends for a while."""

    name = "loop"
    live = False
    rate = RATE

    def __init__(self, pictures: list[NDArray[np.uint8]], count: int) -> None:
        self._pictures = iter(itertools.islice(itertools.cycle(pictures), count))

    def read(self) -> Shot | None:
        """The next picture, taken now."""
        picture = next(self._pictures, None)
        return None if picture is None else Shot(time.perf_counter(), picture)

    def close(self) -> None:
        """Nothing to give back."""


def row(what: str, value: float, unit: str, limit: float | None, least: bool = False) -> Row:
    """One line of the table; `least` where the limit is one from below."""
    met = None if limit is None else value >= limit if least else value <= limit
    return {"what": what, "value": round(value, 3), "unit": unit, "limit": limit, "met": met}


def pipeline() -> Pipeline:
    """The digits, on one core."""
    cv2.setNumThreads(1)
    return Pipeline(Recognizer("digits", threads=1))


def clip(data: Path) -> Iterator[Frame]:
    """Frames of the clip in turn."""
    return iter(InTurn(open_source(Wanted(str(data / "webcam-digits.mp4")))))


def judge(answers: list[Answer]) -> tuple[int, int]:
    """The fewest digits right and the most false ones among the stable characters of any of the frames."""
    wanted = "\n".join(SHEET)
    scores = [align("\n".join(answer.lines).replace(" ", ""), wanted) for answer in answers]
    return min(right for right, _, _ in scores), max(false for _, false, _ in scores)


def once(data: Path) -> list[Row]:
    """The clip as it is."""
    reader = pipeline()
    right, false = judge([reader.step(frame) for frame in clip(data)][FIRST:])
    return [
        row("digits of 19 stable, worst frame after the first five", right, "", 17, least=True),
        row("false characters stable, worst of these frames", false, "", 0),
    ]


def steady(data: Path) -> list[Row]:
    """The clip, then its frames from the fifth on backwards and forwards: the hand moves, the text stays."""
    reader = pipeline()
    frames = list(clip(data))
    there = frames[FIRST:]
    path = [*frames, *there[::-1], *there, *there[::-1]]
    answers = [
        reader.step(Frame(frame.pixels, number, number / RATE, frame.taken))
        for number, frame in enumerate(path)
    ]
    right, false = judge(answers[FIRST:])
    return [
        row("digits of 19 stable, the clip to and fro four times", right, "", 17, least=True),
        row("false characters stable there", false, "", 0),
    ]


def aslant(data: Path) -> list[Row]:
    """The clip with the sheet held at a slant."""
    return [line for angle in ASLANT for line in _turned(data, angle)]


def _turned(data: Path, angle: int) -> list[Row]:
    reader = pipeline()
    answers = [reader.step(replace(frame, pixels=_turn(frame.pixels, angle))) for frame in clip(data)]
    right, false = judge(answers[FIRST_ASLANT:])
    return [
        row(f"digits of 19 stable, the sheet turned by {angle} degrees", right, "", 17, least=True),
        row("false characters stable there", false, "", 0),
    ]


def _turn(picture: NDArray[np.uint8], angle: int) -> NDArray[np.uint8]:
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)  # type: ignore[return-value]


def cost(data: Path) -> list[Row]:
    """Milliseconds of the pipeline on one core."""
    reader = pipeline()
    frames = list(clip(data))
    everything, changed = [], []
    for turn in range(6):
        for frame in frames:
            start = time.perf_counter()
            answer = reader.step(frame)
            spent = 1000 * (time.perf_counter() - start)
            if turn and frame.number >= FIRST:
                everything.append(spent)
                if answer.changed:
                    changed.append(spent)
    return [
        row("whole pipeline a frame, median", statistics.median(everything), "ms", 12),
        row("whole pipeline a frame that shows something new, median", statistics.median(changed), "ms", 12),
    ]


def real_time(data: Path) -> list[Row]:
    """From capture to answer while frames come at 25 a second."""
    reader = pipeline()
    pictures = [frame.pixels for frame in clip(data)]
    frames = Newest(
        Loop(pictures, int(RATE * REAL_TIME)), lambda: Loop(pictures, 0), every=1, say=lambda _: None
    )
    latency, age = [], []
    for frame in frames:
        answer = reader.step(frame)
        latency.append(1000 * (time.perf_counter() - frame.taken))
        age.append(answer.stages["wait"])
    frames.close()
    p50, p95 = np.percentile(latency, (50, 95)).tolist()
    return [
        row("capture to answer at 25 frames a second, median", p50, "ms", None),
        row("capture to answer at 25 frames a second, 95th percentile", p95, "ms", 40),
        row("age of the oldest frame when its reading began", max(age), "ms", 1000 / RATE),
        row("frames dropped", frames.dropped, "", None),
    ]


def memory(data: Path) -> list[Row]:
    """Growth of the process over 2,000 frames."""
    reader = pipeline()
    pictures = [frame.pixels for frame in clip(data)]
    before = 0.0
    for number, picture in enumerate(itertools.islice(itertools.cycle(pictures), FRAMES)):
        if number == WARM:
            before = resident()
        reader.step(Frame(picture, number, number / RATE, time.perf_counter()))
    return [row("growth of the process over 2,000 frames", resident() - before, "MB", 5)]


def resident() -> float:
    """Memory that this process holds, in megabytes; only Linux tells."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real data")
    parser.add_argument("--check", action="store_true", help="end with 4 where a limit is not kept")
    parser.add_argument("--dry", action="store_true", help="print only")
    options = parser.parse_args()
    rows: list[Row] = []
    for part in (once, steady, aslant, cost, real_time, memory):
        for line in part(options.data):
            print(
                f"{line['what']:<60}{line['value']:>10.3f} {line['unit']:<3}"
                f" limit {line['limit']}{'  MISSED' if line['met'] is False else ''}",
                flush=True,
            )
            rows.append(line)
    if not options.dry:
        write_json(RESULT, rows)
    if options.check and any(line["met"] is False for line in rows):
        sys.exit(CheckFailed.exit_code)


if __name__ == "__main__":
    main()
