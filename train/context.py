"""The tables by which a line settles what a lone character cannot: `python -m train context`.

Heights are measured on the UNIPEN characters of the training writers, whose true relative sizes are known;
how characters follow each other on the help texts that come with Python and on Debian's fortunes (`apt-get
install fortunes`), every tenth text of which is kept out. Counts alone are kept of either.
"""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwr_edge.context.tables import FILE, KINDS, STEPS, SYMBOLS, kind, symbol
from hwr_edge.errors import DataError
from train.samples import DESCENDERS, LATIN, Samples
from train.unipen import unipen

_X_HEIGHT = "aceimnorsuvwxz"  # i without its dot is as high; with it, its own height is learnt
_LEAST = 20  # characters of a writer from which an x-height is told
_FOOT_SPREAD = 0.18  # of feet about the baseline, in x-heights; hands are not steadier
_KEPT_OUT = 10  # every tenth text
_RAREST = 50  # steps: chances of less than e^-10 are held to be that
FORTUNES = Path("/usr/share/games/fortunes")


def write_tables(data: Path) -> None:
    """Measure, and write the file that the package holds."""
    height, foot = sizes(unipen(data, "train"))
    follows, capital = language(help_texts(kept_out=False) + fortunes(kept_out=False))
    np.savez_compressed(FILE, labels=LATIN, height=height, foot=foot, follows=follows, capital=capital)


def sizes(samples: Samples) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and deviation of log height, and of the depth under the baseline, in x-heights: (62, 2) each."""
    by_writer: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for strokes, label, writer in zip(samples.items, samples.labels, samples.writers, strict=True):
        tall = float(np.ptp(np.concatenate(strokes)[:, 1]))
        if tall > 0:
            by_writer[writer].append((str(label), float(np.log(tall))))
    logs: dict[str, list[float]] = defaultdict(list)
    for rows in by_writer.values():
        level = [value for label, value in rows if label in _X_HEIGHT and label != "i"]
        if len(level) >= _LEAST:
            for label in {label for label, _ in rows}:
                # One figure a writer and character, so that who wrote much does not count for more.
                logs[label].append(
                    float(np.median([v for own, v in rows if own == label]) - np.median(level))
                )
    # Robust: a few of the characters carry a stroke of their neighbour.
    middle = np.array([np.median(logs[label]) for label in LATIN])
    spread = np.array([np.median(np.abs(np.array(logs[label]) - np.median(logs[label]))) for label in LATIN])
    height = np.stack([middle, np.maximum(1.48 * spread, 0.08)], axis=1)
    depth = [
        max(0.0, float(np.exp(m)) - 1) if c in DESCENDERS else 0.0 for c, m in zip(LATIN, middle, strict=True)
    ]
    foot = np.stack([depth, np.where(np.array(depth) > 0, 2 * _FOOT_SPREAD, _FOOT_SPREAD)], axis=1)
    return height.astype(np.float32), foot.astype(np.float32)


def help_texts(*, kept_out: bool) -> list[str]:
    """Python's own help on its topics, as words; the tenth kept out is for measuring only."""
    from pydoc_data.topics import topics

    return _words([topics[name] for name in sorted(topics)], kept_out)


def fortunes(*, kept_out: bool) -> list[str]:
    """Sayings, verse and quotations in everyday English, as words; the tenth kept out is for measuring only.

    Raises:
        DataError: the package is not installed.
    """
    files = [path for path in sorted(FORTUNES.glob("*")) if not path.suffix and "ascii" not in path.name]
    if not files:
        raise DataError(f"{FORTUNES} holds no texts: apt-get install fortunes")
    return _words([text for path in files for text in path.read_text("utf-8").split("\n%\n")], kept_out)


def _words(texts: list[str], kept_out: bool) -> list[str]:
    chosen = [text for number, text in enumerate(texts) if (number % _KEPT_OUT == 0) == kept_out]
    return [" ".join(re.findall(r"[A-Za-z]+|[0-9]+", text)) for text in chosen]


def language(texts: list[str]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Counts to probabilities: of a symbol after three others in steps of a nat, and of a capital."""
    n = len(SYMBOLS)
    fours = np.zeros((n, n, n, n))
    cases = np.zeros((len(KINDS), len(KINDS), 2))
    for text in texts:
        row = np.array([symbol(character) for character in f"   {text} "])
        sort = np.array([kind(character) for character in f"  {text} "])
        np.add.at(fours, (row[:-3], row[1:-2], row[2:-1], row[3:]), 1)
        letters = np.flatnonzero((sort[2:] == 1) | (sort[2:] == 2)) + 2
        np.add.at(cases, (sort[letters - 2], sort[letters - 1], sort[letters] - 1), 1)
    # Each order smooths the next (Witten and Bell 1991), down to all symbols alike.
    chance = np.full(n, 1 / n)
    for known in range(fours.ndim):
        chance = _smooth(fours.sum(axis=tuple(range(fours.ndim - 1 - known))), chance)
    follows = np.clip(np.round(-STEPS * np.log(chance)), 0, _RAREST).astype(np.uint8)
    capital = (cases[..., 1] + 0.5) / (cases.sum(axis=-1) + 1)
    return follows, capital.astype(np.float32)


def _smooth(counts: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    kinds = np.maximum((counts > 0).sum(axis=-1, keepdims=True), 1)
    result: NDArray[np.float64] = (counts + kinds * below) / (counts.sum(axis=-1, keepdims=True) + kinds)
    return result
