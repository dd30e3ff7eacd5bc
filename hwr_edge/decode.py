"""Probabilities to answers: calibration, charset, alternatives, doubt."""

import functools
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import HwrError, ModelFileError
from hwr_edge.lookalikes import merged
from hwr_edge.spec import ModelSpec

LOW_CONFIDENCE = "low_confidence"

_NAMED = {
    "digits": str.isdecimal,
    "upper": str.isupper,
    "lower": str.islower,
    "letters": str.isalpha,
}
_TWIN = 0.3  # what a letter of the other case counts, where only one case is allowed
_ALIKE = {"0": "o", "1": "l", "I": "l", "2": "z", "5": "s", "9": "g", "q": "g"}


class OptionError(HwrError, ValueError):
    """The value of an option makes no sense: a charset the model does not know, an unknown layout."""

    exit_code = 2


class Alternative(NamedTuple):
    """One reading of a character, and the calibrated probability 0-1 that it is right."""

    label: str
    confidence: float


class Answer(NamedTuple):
    """What one character was read as.

    Attributes:
        label: the likeliest reading.
        confidence: its calibrated probability, 0-1.
        alternatives: the `top_k` likeliest readings, best first; the first one is the answer itself.
        rejected: None, or "low_confidence" where the confidence is below the limit.
    """

    label: str
    confidence: float
    alternatives: tuple[Alternative, ...]
    rejected: str | None


def decode(
    probabilities: NDArray[np.float32],
    spec: ModelSpec,
    charset: str | None = None,
    top_k: int = 5,
    min_confidence: float | None = None,
) -> list[Answer]:
    """Read the outputs of a model.

    Args:
        probabilities: float32 (N, classes), as a runtime answers.
        spec: the model's; its temperature calibrates, its `reject_below` is the limit for doubt.
        charset: the characters allowed, see `allowed_labels`; the others' probability is shared out, but
            that of a letter whose other case alone is allowed goes to this one, if less than all of it: who
            writes a small t among capitals means T.
        top_k: how many alternatives an answer lists, at least 1.
        min_confidence: the limit for doubt, 0-1, in place of the model's own.

    Raises:
        OptionError: `charset` cannot be read or holds characters the model does not know.
        ModelFileError: the model answers with numbers that are no probabilities.
    """
    if top_k < 1:
        raise OptionError(f"top_k is {top_k}: it must be at least 1")
    _, labels = allowed_labels(spec.labels, charset)
    limit = spec.reject_below if min_confidence is None else min_confidence
    return rank(calibrate(probabilities, spec, charset), labels, top_k, limit)


def calibrate(
    probabilities: NDArray[np.float32], spec: ModelSpec, charset: str | None = None
) -> NDArray[np.float32]:
    """The first half of `decode`: (N, classes) to (N, allowed labels), calibrated; rows add up to 1."""
    scores = probabilities if spec.temperature == 1.0 else probabilities ** np.float32(1 / spec.temperature)
    if charset is not None:
        scores = scores @ _speaks_for(spec.labels, charset)
    totals = np.add.reduce(scores, axis=1, keepdims=True)
    if not np.minimum.reduce(totals, axis=None, initial=1.0) > 0:
        scores, totals = _without_empty_rows(scores, totals, spec)
    return np.divide(scores, totals, dtype=np.float32)


def rank(scores: NDArray[np.float32], labels: tuple[str, ...], top_k: int, limit: float) -> list[Answer]:
    """The second half of `decode`: the `top_k` best labels of each row, and doubt below `limit`."""
    order = np.argsort(scores, axis=1)[:, : -top_k - 1 : -1]
    best = scores[np.arange(len(scores))[:, None], order].tolist()
    return [
        _answer([labels[index] for index in row], values, limit)
        for row, values in zip(order.tolist(), best, strict=True)
    ]


@functools.lru_cache(maxsize=64)
def allowed_labels(
    labels: tuple[str, ...], charset: str | None
) -> tuple[NDArray[np.intp] | None, tuple[str, ...]]:
    """The columns and labels that a charset leaves; columns None where it leaves all.

    `charset` is "digits", "upper", "lower", "letters", or the characters themselves, with ranges as in
    "0-9A-F"; a minus at either end stands for itself. The ends of a range must be labels of the model;
    what lies between them and is none is passed over.

    Raises:
        OptionError: no such characters in this model, or a range that runs backwards.
    """
    if charset is None:
        return None, labels
    wanted = (
        {label for label in labels if _NAMED[charset](label)}
        if charset in _NAMED
        else _spelt(charset, labels)
    )
    if not wanted:
        raise OptionError(f"charset {charset!r} leaves nothing: the model knows {''.join(labels)}")
    columns = [index for index, label in enumerate(labels) if label in wanted]
    return np.array(columns, np.intp), tuple(labels[index] for index in columns)


@functools.lru_cache(maxsize=64)
def _speaks_for(labels: tuple[str, ...], charset: str) -> NDArray[np.float32]:
    """How far each label speaks for each one allowed: float32 (labels, allowed labels), 0-1."""
    allowed = allowed_labels(labels, charset)[1]
    shares = np.array([[label == one for one in allowed] for label in labels], np.float32)
    for row, label in zip(shares, labels, strict=True):
        twin = label.swapcase()
        # A small l among capitals is an I as likely as an L: it tells nothing.
        rivals = {one for one in allowed if merged(one) == merged(label)} - {twin}
        if label not in allowed and twin in allowed and not rivals:
            row[allowed.index(twin)] = _TWIN
    return shares


@functools.lru_cache(maxsize=64)
def same_shape(labels: tuple[str, ...]) -> NDArray[np.float32]:
    """Which labels one shape may stand for, float32 (labels, shapes), 0 or 1.

    A lone "c" is as well a "C", an "o" also "O" and "0": doubt between them says nothing against the ink
    being one character. Scores times this matrix are the doubt about shapes alone.
    """
    shapes = [_ALIKE.get(label, label.casefold()) for label in labels]
    columns = {shape: column for column, shape in enumerate(dict.fromkeys(shapes))}
    matrix = np.zeros((len(labels), len(columns)), np.float32)
    matrix[np.arange(len(labels)), [columns[shape] for shape in shapes]] = 1
    return matrix


def _spelt(charset: str, labels: tuple[str, ...]) -> set[str]:
    wanted: set[str] = set()
    named: list[str] = []
    at = 0
    while at < len(charset):
        if charset[at + 1 : at + 2] == "-" and at + 2 < len(charset):
            first, last = charset[at], charset[at + 2]
            if first > last:
                raise OptionError(f"charset {charset!r}: the range {first}-{last} runs backwards")
            named += (first, last)
            wanted.update(label for label in labels if first <= label <= last)
            at += 3
        else:
            named.append(charset[at])
            wanted.add(charset[at])
            at += 1
    unknown = sorted(set(named) - set(labels))
    if unknown:
        raise OptionError(
            f"charset {charset!r}: the model does not know {' '.join(unknown)}; it knows {''.join(labels)}"
        )
    return wanted


def _answer(labels: list[str], values: list[float], limit: float) -> Answer:
    alternatives = tuple(map(Alternative._make, zip(labels, values, strict=True)))
    return Answer(labels[0], values[0], alternatives, LOW_CONFIDENCE if values[0] < limit else None)


def _without_empty_rows(
    scores: NDArray[np.float32], totals: NDArray[np.float32], spec: ModelSpec
) -> tuple[NDArray[np.float32], NDArray[Any]]:
    """Rows that a charset left without any probability become even: every allowed character as likely."""
    if not np.isfinite(totals).all() or (totals < 0).any():
        raise ModelFileError(f"model {spec.name!r} answers with no probabilities: export it again")
    empty = totals[:, 0] == 0
    scores = np.where(empty[:, None], np.float32(1), scores)
    return scores, scores.sum(axis=1, keepdims=True)
