"""What a reader meets and must not take for one of its characters: data sets for a recipe's `strangers`.

Doodles and noise are made up from a seed; joined words and pairs are UNIPEN's; kana come from installed
faces. Any other data set may be named as well: of letters in another script, those that look like one of ours
are left out.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels
from train.cache import Row, cached
from train.fonts import faces, glyphs
from train.samples import CROP, DESCENDERS, Samples, Strokes, View
from train.unipen import by_writer, read_strokes, unipen

ALIKE = frozenset("ㅇㅣㅡㄴㄱㅌㅐㄷㅜㄹㅁㅂ0OoQ1IlijL7EFHCcTt2ZzDr")
"""Hangul letters that a Latin reader rightly takes for its own, and Latin ones that a Hangul reader does."""

KANA = "あいえおかきけさすせそたなにぬねはひふほまみめもやゆよれわをアウオカキケサセタチテネホマヤラルン"
"""None that looks like a letter or digit, as ろ does like 3."""

_COUNT = 2000  # of what is made up
_LONG = 7.0  # least length of a doodle, in its own longest sides: the longest letters have 6
_LIFTED = 0.5  # a joined word has fewer strokes than this share of its letters
_LETTERS = 4  # and at least so many of these
_TALL = 1.5  # height of a word in usual characters, about
_PAIRS = 8000
_SMALL = 0.6  # share of pairs of two small letters, as most are in text
_DEEP = 0.4  # of a descender's height is below the line
_APART = -0.12, 0.03  # room between the two, in usual characters; the pen takes most of it


def doodles(data: Path, split: str, view: View = CROP) -> Samples:
    """Tangled curves, zigzags, rules and squared paper, as strokes; the same ones in every run."""
    kinds: tuple[Callable[[np.random.Generator], Strokes], ...] = (_tangle, _zigzag, _parallel, _strewn)
    items = []
    for number in range(_COUNT):
        rng = np.random.default_rng([_part(split), number])
        strokes = kinds[number % len(kinds)](rng)
        items.append(
            _sized(strokes, float(np.ptp(np.concatenate(strokes), axis=0).max()) / rng.uniform(1, 4))
        )
    return _nameless("doodles", items)


def noise(data: Path, split: str, view: View = CROP) -> Samples:
    """Clouds of grain and flecks, uint8 (h, w), as a crop of noise that was taken for ink would be."""
    items = [_cloud(np.random.default_rng([_part(split), n])) for n in range(_COUNT)]
    return _nameless("noise", items)


def joined_words(data: Path, split: str, view: View = CROP) -> Samples:
    """UNIPEN words whose letters are joined, as strokes; writers parted as in `train.datasets.unipen`."""
    path = data / "unipen-words-strokes.npz"
    points, (pens, words, texts, writers) = read_strokes(
        path,
        "put the UNIPEN words there, or leave joined-words out",
        *("stroke_offsets", "word_offsets", "text", "writers"),
    )
    own = by_writer(writers, split)
    length = np.char.str_len(texts)
    joined = own & (length >= _LETTERS) & np.char.isalpha(texts) & (np.diff(words) < _LIFTED * length)
    chosen = np.flatnonzero(joined)
    items = []
    for at in chosen:
        strokes = tuple(points[pens[s] : pens[s + 1]] for s in range(words[at], words[at + 1]))
        items.append(_sized(strokes, float(np.ptp(np.concatenate(strokes)[:, 1])) / _TALL))
    return Samples("joined-words", items, texts[chosen], writers[chosen].astype(str), chosen.astype(str))


def joined_pairs(data: Path, split: str, view: View = CROP) -> Samples:
    """Two characters of a UNIPEN writer, each in its size on one line, without room between, as strokes."""
    alone = unipen(data, split)
    rng = np.random.default_rng(_part(split))
    every = {writer: np.flatnonzero(alone.writers == writer) for writer in np.unique(alone.writers)}
    small = {writer: own[np.char.islower(alone.labels[own])] for writer, own in every.items()}
    items, labels, writers = [], [], rng.choice(alone.writers, _PAIRS)
    for writer in writers:
        own = small[writer] if len(small[writer]) and rng.random() < _SMALL else every[writer]
        pair = rng.choice(own, 2)
        first, second = (_on_line(alone.items[at], alone.labels[at]) for at in pair)  # type: ignore[arg-type]
        end = max(float(stroke[:, 0].max()) for stroke in first) + rng.uniform(*_APART)
        items.append((*first, *(stroke + np.array([end, 0], np.float32) for stroke in second)))
        labels.append("".join(alone.labels[pair]))
    return Samples("joined-pairs", items, np.array(labels), writers, np.arange(_PAIRS).astype(str))


def _on_line(strokes: Strokes, label: str) -> Strokes:
    """Moved to begin at 0, and to stand on 0 or hang below it."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    below = _DEEP * (high[1] - low[1]) if label in DESCENDERS else 0.0
    return tuple(stroke - np.array([low[0], high[1] - below], np.float32) for stroke in strokes)


def kana(data: Path, split: str, view: View = CROP) -> Samples:
    """Hiragana and katakana of the handwriting faces that have them."""

    def rows() -> Iterable[Row]:
        for patch, label, face in glyphs("handwriting", KANA):
            yield patch, label, face, f"{face}/{label}"

    return cached(faces("handwriting"), "kana", rows)


def _sized(strokes: Strokes, unit: float) -> Strokes:
    """In another unit: that of `train.datasets.unipen`, a usual character, to which the pen is held."""
    return tuple(stroke / np.float32(max(unit, 1e-6)) for stroke in strokes)


def _nameless(source: str, items: list[Strokes] | list[Pixels]) -> Samples:
    ids = np.arange(len(items)).astype(str)
    return Samples(source, items, np.full(len(items), source), ids, ids)


def _part(split: str) -> int:
    return ("train", "validation", "test").index(split) if split != "all" else 0


def _tangle(rng: np.random.Generator) -> Strokes:
    """A closed or open curve of a few waves, longer than that of any letter."""
    while True:
        count = int(rng.integers(3, 10))
        time = np.linspace(0, 2 * np.pi * rng.uniform(0.7, 1), 200)[:, None]
        size = rng.normal(0, 1, (2, count)) / np.arange(1, count + 1) ** rng.uniform(0.0, 0.6)
        waves = np.sin(time * np.arange(1, count + 1) + rng.uniform(0, 2 * np.pi, (2, 1, count)))
        curve = np.einsum("ac,atc->ta", size, waves)
        span = float(np.ptp(curve, axis=0).max())
        if np.linalg.norm(np.diff(curve, axis=0), axis=1).sum() > _LONG * span:
            return (curve.astype(np.float32),)


def _zigzag(rng: np.random.Generator) -> Strokes:
    """To and fro, as ink is scratched out."""
    count = int(rng.integers(8, 22))
    x = np.linspace(0, rng.uniform(0.6, 2), count) + rng.normal(0, 0.03, count)
    y = np.where(np.arange(count) % 2, 1, 0) + rng.normal(0, 0.12, count)
    return (_turned(np.stack([x, y], axis=1), rng),)


def _parallel(rng: np.random.Generator) -> Strokes:
    """Three rules or more, straight or a little aslant, alone or crossed by others."""
    along, across = int(rng.integers(3, 8)), int(rng.choice([0, 0, 2, 3, 4, 5, 6]))
    width, height = rng.uniform(0.8, 3, 2) if across else rng.uniform((1, 0.6), (4, 1.5))
    lines = [[[0, y], [width, y]] for y in np.linspace(0, height, along)]
    lines += [[[x, 0], [x, height]] for x in np.linspace(0, width, across)]
    shift = rng.normal(0, 0.02, (len(lines), 2, 2))
    return tuple(
        np.asarray(line + move, np.float32) for line, move in zip(np.array(lines), shift, strict=True)
    )


def _strewn(rng: np.random.Generator) -> Strokes:
    """Many short strokes, dots and crosses about the place."""
    count = int(rng.integers(6, 16))
    places, reach = rng.uniform(0, 1, (count, 1, 2)), rng.uniform(0, 0.15, (count, 1, 1))
    return tuple((places + reach * rng.normal(0, 1, (count, 3, 2))).astype(np.float32))


def _turned(points: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float32]:
    cos, sin = np.cos(angle := rng.uniform(0, np.pi)), np.sin(angle)
    return (points @ np.array([[cos, -sin], [sin, cos]])).astype(np.float32)


def _cloud(rng: np.random.Generator) -> Pixels:
    height, width = rng.integers(24, 57, 2)
    coarse = rng.uniform(1, 8)
    size = (max(3, int(height / coarse)), max(3, int(width / coarse)))
    grey = rng.normal(rng.uniform(-0.5, 1.2), 1, size).astype(np.float32)
    plane = cv2.resize(grey, (int(width), int(height)), interpolation=cv2.INTER_CUBIC)
    return np.clip(plane * 160, 0, 255).astype(np.uint8)


STRANGERS: dict[str, Callable[..., Samples]] = {
    "doodles": doodles,
    "noise": noise,
    "joined-words": joined_words,
    "joined-pairs": joined_pairs,
    "kana": kana,
}
