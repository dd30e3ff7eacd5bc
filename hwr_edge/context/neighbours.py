"""What follows what: forward and backward over the characters of a line."""

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hwr_edge.context.tables import KINDS, STEPS, SYMBOLS, kind, load, symbol

_BEST = 6  # candidates a glyph
_WEIGHT = 0.8  # of the language against the shapes: what follows what is not independent of them
_NOT_TEXT = 0.003  # chance of any character anywhere, as in names

Scores = NDArray[np.float32]
Reals = NDArray[np.float64]
_GAP = -1  # stands for the space between words


def by_neighbours(words: Sequence[int], scores: Scores, labels: Sequence[str]) -> Scores:
    """The chance of each label given the whole line.

    Args:
        words: how many glyphs each word has, in order.
        scores: float32 (N, C) of the glyphs by themselves, in any unit.
        labels: C characters.

    Returns:
        float32 (N, C), rows adding up to 1; beyond its `_BEST` candidates a glyph keeps its own shares.
    """
    glyph, best, own, shares, steps = _columns(words, scores, labels)
    forward, evidence = _forward(shares, steps)
    chances = _marginals(forward, shares, steps)
    text = chance(evidence - _as_code(shares, len(labels)))
    mixed = text * chances[glyph] * own.sum(axis=1, keepdims=True) + (1 - text) * own
    result: Scores = scores / scores.sum(axis=1, keepdims=True)
    np.put_along_axis(result, best, mixed.astype(np.float32), axis=1)
    return result


def odds_of_text(words: Sequence[int], scores: Scores, labels: Sequence[str]) -> float:
    """How much likelier glyphs are as text than as a code, where anything may follow anything, in nats.

    Args:
        words: how many glyphs each word has, in order.
        scores: float32 (N, C) of the glyphs by themselves, in any unit.
        labels: C characters.
    """
    _, _, _, shares, steps = _columns(words, scores, labels)
    return _forward(shares, steps)[1] - _as_code(shares, len(labels))


def chance(odds: float) -> float:
    """The probability, 0-1, that odds in nats stand for."""
    return float(1 / (1 + np.exp(-np.clip(odds, -50, 50))))


def _columns(
    words: Sequence[int], scores: Scores, labels: Sequence[str]
) -> tuple[NDArray[np.bool_], NDArray[np.intp], Reals, Reals, Reals]:
    """Which columns hold glyphs, their candidates and shares (N, K); of all columns shares and steps."""
    scores = scores / scores.sum(axis=1, keepdims=True)
    best = np.argsort(scores, axis=1)[:, : -_BEST - 1 : -1]
    own = np.take_along_axis(scores, best, axis=1).astype(np.float64)
    places = _places(words)
    glyph = places >= 0
    # Candidates of every column, and their chances by shape; a gap has one candidate, which is sure.
    choices = np.where(glyph[:, None], best[places], _GAP)
    shares = np.where(glyph[:, None], own[places], np.eye(1, best.shape[1]))
    return glyph, best, own, shares, _steps(choices, labels)


def _places(words: Sequence[int]) -> NDArray[np.intp]:
    """The glyph number in each column, or `_GAP`: three gaps come first and one after each word."""
    ends = np.cumsum(words)
    return np.concatenate([[_GAP] * 3, np.insert(np.arange(ends[-1]), ends, _GAP)])


def _steps(choices: NDArray[np.intp], labels: Sequence[str]) -> Reals:
    """The weighted chance of each candidate after three others: (columns - 3, K, K, K, K)."""
    symbols, kinds = (codes[choices] for codes in _codes(tuple(labels)))
    follows = np.take(load().follows, _runs(symbols, 4, len(SYMBOLS))).astype(np.int32)
    after = _runs(kinds[1:], 3, len(KINDS))[:, None]
    return np.take(_weighted(len(labels)), follows * len(KINDS) ** 3 + after)


@functools.lru_cache(maxsize=64)
def _codes(labels: tuple[str, ...]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Symbol and kind of each label, and last those of `_GAP`; every way of cutting a word asks for them."""
    return np.array([*map(symbol, labels), 0]), np.array([*map(kind, labels), 0])


def _runs(columns: NDArray[np.intp], n: int, base: int) -> NDArray[np.int32]:
    """The candidates of any n columns in a row as one number of n digits: (columns - n + 1, K, ..., K)."""
    count = len(columns) - n + 1
    digits = columns.astype(np.int32)
    runs = np.zeros((count, *[1] * n), np.int32)
    for place in range(n):
        shape = [columns.shape[1] if axis == place else 1 for axis in range(n)]
        runs = runs * base + digits[place : place + count].reshape(count, *shape)
    return runs


@functools.cache
def _weighted(labels: int) -> Reals:
    """Every chance that there can be, by `Tables.follows` and the kinds of the last three: (256, 4, 4, 4).

    A page asks for hundreds of thousands of chances, of which few differ.
    """
    tables = load()
    case = np.stack([np.zeros((4, 4)), tables.lower, tables.upper, np.full((4, 4), -np.log(10))], axis=-1)
    chance = np.exp(-np.arange(256).reshape(-1, 1, 1, 1) / STEPS + case)
    weighted: Reals = ((1 - _NOT_TEXT) * chance + _NOT_TEXT / labels) ** _WEIGHT
    return weighted


def _forward(shares: Reals, steps: Reals) -> tuple[list[Reals], float]:
    """The forward half of forward-backward (Rabiner 1989), over any three columns in a row.

    Args:
        shares: (L, K) chances of the candidates by themselves.
        steps: (L - 3, K, K, K, K) chances of what follows.

    Returns:
        (K, K, K) for each three columns, and the logarithm of what all paths add up to.
    """
    forward = [shares[0][:, None, None] * shares[1][:, None] * shares[2]]
    evidence = 0.0
    for step, now in zip(steps, shares[3:], strict=True):
        table = (forward[-1][..., None] * step).sum(axis=0) * now
        total = float(table.sum())
        evidence += float(np.log(total))
        forward.append(table / total)
    return forward, evidence


def _marginals(forward: Sequence[Reals], shares: Reals, steps: Reals) -> Reals:
    """The backward half: (L, K) chance of each candidate."""
    chances = np.empty_like(shares)
    chances[:2], chances[-1] = shares[:2], forward[-1].sum(axis=(0, 1))
    backward = np.ones_like(forward[-1])
    for at in range(len(steps) - 1, -1, -1):
        backward = (steps[at] * (shares[at + 3] * backward)[None]).sum(axis=3)
        backward /= backward.sum()
        table = forward[at] * backward
        chances[at + 2] = table.sum(axis=(0, 1)) / table.sum()
    return chances


def _as_code(shares: Reals, labels: int) -> float:
    """The logarithm of what all paths add up to where any character may follow any other."""
    sums = shares.sum(axis=1)
    return float(np.log(sums).sum()) - _WEIGHT * float(np.log(labels)) * (len(sums) - 3)
