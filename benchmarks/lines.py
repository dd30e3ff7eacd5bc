"""What a line adds to its characters: `python -m benchmarks.lines [--split validation]`.

Lines are composed of UNIPEN characters of writers never trained on: one writer a line, each character in its
true size relative to the others, standing on a baseline (the strokes do not tell where it was), drawn as ink
on paper. Half of the lines are words of Python's help texts that the language tables have not seen, half are
random characters. Counted are the characters right after alignment, with context and without.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.pages import align
from hwr_edge import Recognizer
from hwr_edge.context.known import Known
from hwr_edge.modelfile import write_json
from train.context import help_texts
from train.samples import DESCENDERS, LATIN, Strokes
from train.unipen import unipen

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("HWR_EDGE_DATA", ROOT.parent / "shared" / "data"))
RESULTS = ROOT / "benchmarks" / "results" / "lines.json"

_X_HEIGHT = 22.0  # pixels
_LENGTH = 28  # characters a line, about

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Hand:
    """One writer: strokes by character, scaled so that the x-height is `_X_HEIGHT`."""

    characters: dict[str, list[Strokes]]

    def draw(self, text: str, random: np.random.Generator, close: float = 0.0) -> Picture:
        """The text on one line: uint8 (H, W, 3), dark on light; `close` is the share of gaps without air."""
        placed, x = [], 40.0
        for character in text:
            if character == " ":
                x += random.uniform(1.0, 1.4) * _X_HEIGHT
                continue
            options = self.characters[character]
            strokes = options[int(random.integers(len(options)))]
            points = np.concatenate(strokes)
            below = max(0.0, float(np.ptp(points[:, 1])) - _X_HEIGHT) if character in DESCENDERS else 0.0
            foot = 90 + below + random.normal(0, 0.05 * _X_HEIGHT)
            move = np.array([x - points[:, 0].min(), foot - points[:, 1].max()])
            placed += [stroke + move for stroke in strokes]
            # Closed or not, a gap draws the same numbers: the lines differ in nothing else.
            gap = (random.random() >= close) * random.uniform(0.3, 0.5) * _X_HEIGHT
            x = max(float(stroke[:, 0].max()) for stroke in placed[-len(strokes) :]) + gap
        return on_sheet(placed, int(x) + 40, random)


def hands(data: Path, split: str) -> list[Hand]:
    """The writers of a split from whom most characters are known."""
    samples = unipen(data, split)
    found: dict[str, dict[str, list[Strokes]]] = defaultdict(lambda: defaultdict(list))
    for strokes, label, writer in zip(samples.items, samples.labels, samples.writers, strict=True):
        assert isinstance(strokes, tuple)
        found[str(writer)][str(label)].append(strokes)
    return [hand for by_label in found.values() if (hand := _hand(by_label)) is not None]


def texts(hand: Hand, count: int, random: np.random.Generator) -> Iterator[tuple[str, str]]:
    """(Kind, text) of lines that the hand can write: "words" and "random" in turn."""
    usable = [
        word
        for text in help_texts(kept_out=True)
        for word in text.split()
        if set(word) <= set(hand.characters)
    ]
    letters = sorted(hand.characters)
    for _ in range(count):
        at = int(random.integers(len(usable) - _LENGTH))
        line = ""
        for word in usable[at:]:
            if len(line) + len(word) > _LENGTH:
                break
            line = f"{line} {word}".strip()
        yield "words", line
        yield "random", "".join(letters[i] for i in random.integers(len(letters), size=_LENGTH // 2))


def _hand(by_label: dict[str, list[Strokes]]) -> Hand | None:
    level = [_tall(s) for label in "acemnorsuvwxz" for s in by_label.get(label, [])]
    if len(by_label) < 0.6 * len(LATIN) or len(level) < 10:
        return None
    scale = _X_HEIGHT / float(np.median(level))
    characters = {}
    for label, options in by_label.items():
        usual = float(np.median([_tall(strokes) for strokes in options]))
        # A few carry a stroke of a neighbour: they are not as tall or wide as a character can be.
        sane = [s for s in options if _tall(s) < 1.7 * usual and _wide(s) * scale < 5 * _X_HEIGHT]
        if usual * scale < 5 * _X_HEIGHT and sane:
            characters[label] = [tuple(stroke * np.float32(scale) for stroke in strokes) for strokes in sane]
    return Hand(characters)


def _tall(strokes: Strokes) -> float:
    return float(np.ptp(np.concatenate(strokes)[:, 1]))


def _wide(strokes: Strokes) -> float:
    return float(np.ptp(np.concatenate(strokes)[:, 0]))


def on_sheet(strokes: list[NDArray[np.float32]], width: int, random: np.random.Generator) -> Picture:
    """Strokes in pixels as ink on paper: uint8 (170, width, 3), dark on light."""
    mask = np.zeros((170, width), np.uint8)
    curves = [np.round(stroke * 16).astype(np.int32) for stroke in strokes]
    pen = int(random.integers(2, 5))
    cv2.polylines(mask, curves, False, 255, pen, cv2.LINE_AA, 4)
    for curve in curves:
        if np.ptp(curve, axis=0).max() < 32:  # a dot
            cv2.circle(mask, tuple(map(int, curve[0])), 10 * pen, 255, -1, cv2.LINE_AA, 4)
    paper = 230 + np.linspace(-12, 12, width) * random.uniform(-1, 1) + random.normal(0, 2, mask.shape)
    page = paper * (1 - mask / 255 * random.uniform(0.55, 0.85))
    return cv2.cvtColor(np.clip(page, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def measure(data: Path, split: str, count: int, model: str) -> list[dict[str, Any]]:
    """Rows of the table: characters right on each kind of line, with context and without."""
    alone = Recognizer(model, threads=1, known=Known(line=False))
    context = Recognizer(model, threads=1)
    right: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for number, hand in enumerate(hands(data, split)):
        random = np.random.default_rng(number)
        for kind, text in texts(hand, count, random):
            picture = hand.draw(text, random)
            hits = [
                align(_plain(reader.predict(picture, "word").text), _plain(text))[0]
                for reader in (alone, context)
            ]
            right[kind].append((*hits, len(_plain(text)), number))
    rows = []
    for kind, lines in right.items():
        before, after, total, writers = np.array(lines).T
        rows.append(
            {
                "lines": kind,
                "characters": int(total.sum()),
                "writers": len(set(writers.tolist())),
                "alone": round(before.sum() / total.sum(), 4),
                "in context": round(after.sum() / total.sum(), 4),
                "lines better": int((after > before).sum()),
                "lines worse": int((after < before).sum()),
            }
        )
    return rows


def _plain(text: str) -> str:
    return "".join(text.split())


def main() -> None:
    """Measure, print, and write what the table in the README shows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--split", default="test", choices=["validation", "test"])
    parser.add_argument("--count", type=int, default=15, help="lines of each kind a writer")
    parser.add_argument("--model", default="latin62")
    options = parser.parse_args()
    rows = measure(options.data, options.split, options.count, options.model)
    for row in rows:
        print(row)
    if options.split == "test":
        write_json(RESULTS, rows)


if __name__ == "__main__":
    main()
