"""Pictures on which a reader must not stand by an answer, nor by a wrong one.

Each kind is a function (folder of data) -> pictures, and the text on them: "" where nothing is right.

Everything drawn comes from a seed, and by other rules than `train.strangers`, which a model may have been
trained on; what was written is of writers kept out of training.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.kept_out import CHARS74K, KEPT_OUT
from benchmarks.lines import on_sheet
from hwr_edge.dataset import read_images, read_table
from hwr_edge.ink import Pixels
from train.augment import on_paper
from train.datasets import pictures
from train.strangers import ALIKE, joined_words

Shown = tuple[Pixels, str]

_COUNT = 200  # pictures of each kind that is drawn
_SIDE = 120  # of a drawn picture, about, in pixels


def blank(_: Path) -> Iterator[Shown]:
    """Paper, evenly or unevenly lit, with grain and JPEG."""
    for random in _seeds("blank"):
        yield on_paper(_plane(random), random, ruled=0), ""


def noise(_: Path) -> Iterator[Shown]:
    """Grain of one to several pixels, flecks, and salt and pepper."""
    for random in _seeds("noise"):
        height, width = _plane(random).shape
        coarse = random.integers(1, 7)
        size = (height // coarse + 1, width // coarse + 1)
        if random.random() < 0.3:
            grey = np.where(random.random(size) < random.uniform(0.02, 0.3), 20.0, 235.0)
        else:
            grey = random.normal(128, random.uniform(15, 60), size)
        grown = cv2.resize(grey, (width, height), interpolation=cv2.INTER_CUBIC)
        yield np.clip(grown, 0, 255).astype(np.uint8), ""


def doodles(_: Path) -> Iterator[Shown]:
    """Spirals, hatchings, scribbles, flowers, stars and wandering lines."""
    shapes = (_spiral, _hatching, _scribble, _flower, _star, _wander)
    for at, random in enumerate(_seeds("doodles")):
        plane = _plane(random)
        middle, reach = np.array(plane.shape[::-1]) / 2, min(plane.shape) * random.uniform(0.25, 0.42)
        curve = shapes[at % len(shapes)](random) * reach + middle
        _draw(plane, [curve], int(random.integers(2, 6)))
        yield on_paper(plane, random), ""


def rules(_: Path) -> Iterator[Shown]:
    """Printed rules, squared paper, frames and the corners of forms, without writing."""
    for at, random in enumerate(_seeds("rules")):
        plane = _plane(random)
        height, width = plane.shape
        thick, step = int(random.integers(1, 4)), int(random.integers(14, 40))
        first = int(random.integers(3, step))
        if at % 3 < 2:
            for y in range(first, height, step):
                cv2.line(plane, (0, y), (width, y + int(random.normal(0, 1.5))), 255, thick, cv2.LINE_AA)
        if at % 3 == 1:
            for x in range(first, width, step):
                cv2.line(plane, (x, 0), (x, height), 255, thick, cv2.LINE_AA)
        if at % 3 == 2:
            near, far = random.integers(5, 25, 2), np.array([width, height]) - random.integers(5, 25, 2)
            cv2.rectangle(plane, tuple(map(int, near)), tuple(map(int, far)), 255, thick, cv2.LINE_AA)
            if random.random() < 0.5:
                cv2.line(plane, (width // 2, int(near[1])), (width // 2, int(far[1])), 255, thick)
        yield on_paper(plane, random), ""


def hangul(data: Path) -> Iterator[Shown]:
    """Handwritten Hangul letters that look like no Latin letter or digit."""
    return ((image, "") for image, label in pictures(data, "hangul", "group-3") if label not in ALIKE)


def latin(data: Path) -> Iterator[Shown]:
    """Handwritten Latin letters and digits that look like no Hangul letter."""
    return ((image, "") for image, label in KEPT_OUT[CHARS74K](data) if label not in ALIKE)


def joined(data: Path) -> Iterator[Shown]:
    """UNIPEN words, drawn on paper, whose pen was lifted less than once in two letters; writers kept out."""
    samples = joined_words(data, "test")
    step = max(1, len(samples) // _COUNT)
    chosen = zip(samples.items[::step], samples.labels[::step], _seeds("joined"), strict=False)
    for strokes, text, random in chosen:
        every = np.concatenate(strokes)
        low, high = every.min(axis=0), every.max(axis=0)
        scale = random.uniform(45, 80) / float(high[1] - low[1])
        moved = [(stroke - low) * np.float32(scale) + np.float32(40) for stroke in strokes]
        yield on_sheet(moved, int((high[0] - low[0]) * scale) + 80, random), str(text)


def words(data: Path) -> Iterator[Shown]:
    """Photographed and scanned words, most of them joined."""
    texts = dict(read_table(data / "handwritten-words.zip", "labels.tsv"))
    for name, image in read_images(data / "handwritten-words.zip"):
        yield image, "".join(filter(str.isalnum, texts[Path(name).name]))


KINDS: dict[str, Callable[[Path], Iterator[Shown]]] = {
    kind.__name__: kind for kind in (blank, noise, doodles, rules, hangul, latin, joined, words)
}


def _seeds(kind: str) -> Iterator[np.random.Generator]:
    for number in range(_COUNT):
        yield np.random.default_rng([*kind.encode(), number])


def _plane(random: np.random.Generator) -> Pixels:
    height = int(random.uniform(0.6, 1.4) * _SIDE)
    return np.zeros((height, int(height * random.uniform(0.8, 1.25))), np.uint8)


def _draw(plane: Pixels, curves: list[NDArray[np.float64]], pen: int) -> None:
    cv2.polylines(plane, [np.round(c * 16).astype(np.int32) for c in curves], False, 255, pen, cv2.LINE_AA, 4)


def _turning(random: np.random.Generator, turns: float, count: int = 300) -> NDArray[np.float64]:
    return np.linspace(0, 2 * np.pi * turns, count) + random.uniform(0, 2 * np.pi)


def _round(angle: NDArray[np.float64], radius: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius[:, None]


def _spiral(random: np.random.Generator) -> NDArray[np.float64]:
    angle = _turning(random, random.uniform(2.5, 5))
    return _round(angle, np.linspace(0.05, 1, len(angle)))


def _hatching(random: np.random.Generator) -> NDArray[np.float64]:
    count = int(random.integers(9, 20))
    x = np.linspace(-1, 1, count)
    y = np.where(np.arange(count) % 2, 1.0, -1.0) * random.uniform(0.5, 1, count)
    return np.stack([x, y], axis=1) @ _turn(random)


def _scribble(random: np.random.Generator) -> NDArray[np.float64]:
    angle = _turning(random, random.uniform(4, 8))
    radius = np.full(len(angle), random.uniform(0.2, 0.5))
    drift = np.stack([np.linspace(-0.6, 0.6, len(angle)), np.zeros(len(angle))], axis=1)
    return (_round(angle, radius) + drift) @ _turn(random)


def _flower(random: np.random.Generator) -> NDArray[np.float64]:
    angle = _turning(random, 1)
    return _round(angle, 0.6 + 0.4 * np.cos(random.integers(4, 9) * angle))


def _star(random: np.random.Generator) -> NDArray[np.float64]:
    points = int(random.choice([5, 7, 9]))
    angle = _turning(random, points // 2, points + 1)
    return _round(angle, np.ones(points + 1))


def _wander(random: np.random.Generator) -> NDArray[np.float64]:
    knots = random.uniform(-1, 1, (int(random.integers(9, 14)), 2))
    at = np.linspace(0, len(knots) - 1, 300)
    smooth = np.stack([np.interp(at, np.arange(len(knots)), knots[:, axis]) for axis in (0, 1)], axis=1)
    kernel = np.ones(25) / 25
    return np.stack([np.convolve(smooth[:, axis], kernel, "valid") for axis in (0, 1)], axis=1)


def _turn(random: np.random.Generator) -> NDArray[np.float64]:
    angle = random.uniform(0, 2 * np.pi)
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
