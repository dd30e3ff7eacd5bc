"""Figures of a run as plain data, JSON-ready, schema "hwr-edge/evaluate/1"."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwr_edge.comparison import mcnemar, paired_difference
from hwr_edge.evaluation.distance import edits
from hwr_edge.evaluation.reading import Answer, Reading, Run
from hwr_edge.lookalikes import merged
from hwr_edge.metrics import (
    calibration_by_chance,
    calibration_error,
    class_scores,
    confusion_matrix,
    scores,
    wilson_interval,
)

SCHEMA = "hwr-edge/evaluate/1"
BLANK = ""  # what is answered where nothing was found; a column of its own
_BINS = 10

Json = dict[str, Any]


def report(run: Run, data: str) -> Json:
    """All figures of a run.

    Args:
        run: what was read.
        data: where the pictures came from.

    Returns:
        `data`, `options`, a list `models` with `figures` each, and for two models a `comparison`. Shares are
        objects of `value`, `right`, `ci95` (Wilson's interval). For single characters a model also has
        `classes`, `confusions` and `confusion` (`labels` and a square `matrix`, rows the truth, the last
        label "" where something was found blank).
    """
    truth = [picture.label for picture in run.pictures]
    found: Json = {
        "schema": SCHEMA,
        "data": {
            "path": data,
            "n": len(truth),
            "classes": len(set(truth)),
            "unreadable": [{"name": name, "reason": reason} for name, reason in run.unreadable],
            "skipped_unknown": run.skipped,
        },
        "options": run.wish._asdict(),
        "partial": not run.complete,
        "models": [_model(truth, reading, run.wish.layout == "char") for reading in run.readings],
    }
    if len(run.readings) == 2:
        found["comparison"] = _comparison(truth, *run.readings)
    return found


def share(right: Sequence[bool] | NDArray[np.bool_]) -> Json:
    """How many of them are right, with Wilson's interval at 95 %."""
    count, total = int(np.sum(right)), len(right)
    return {
        "value": round(count / total, 5) if total else None,
        "right": count,
        "n": total,
        "ci95": _interval(count, total),
    }


def _interval(right: int, total: int) -> list[float]:
    return [round(bound, 5) for bound in wilson_interval(right, total)]


def _model(truth: list[str], reading: Reading, single: bool) -> Json:
    recognizer, answers = reading.recognizer, reading.answers
    found: Json = {
        "name": recognizer.model.name,
        "sha256": recognizer.model.sha256,
        "runtime": recognizer.runtime.name,
        "device": recognizer.runtime.device,
        "figures": _figures(truth, answers, single),
        "reliability": _reliability(truth, answers),
    }
    if single:
        found |= _by_class(truth, answers, recognizer.spec.labels)
    return found


def _figures(truth: list[str], answers: list[Answer], single: bool) -> Json:
    pairs = [(wanted, answer.text) for wanted, answer in zip(truth, answers, strict=True)]
    right = _right(truth, answers)
    refused = np.array([answer.refused for answer in answers])
    found: Json = {
        "accuracy": share(right),
        "ignoring_case": share([wanted.casefold() == text.casefold() for wanted, text in pairs]),
        "merged_lookalikes": share([_merged(wanted) == _merged(text) for wanted, text in pairs]),
    }
    if single:
        found["top3"] = share([wanted in answer.best for wanted, answer in zip(truth, answers, strict=True)])
        labels = sorted({*truth, *(text for _, text in pairs)})
        macro = scores(_confusion(pairs, labels))
        found |= {f"macro_{name}": round(getattr(macro, name), 5) for name in ("precision", "recall", "f1")}
    else:
        length = sum(map(len, truth))
        found["character_errors"] = round(sum(edits(*pair) for pair in pairs) / max(length, 1), 5)
    confidence = np.array([answer.confidence for answer in answers])
    return found | {
        "calibration_error": round(calibration_error(confidence, right), 5),
        "calibration_by_chance": round(calibration_by_chance(confidence), 5),
        "blank": sum(text == BLANK for _, text in pairs),
        "refused": share(refused),
        "accuracy_of_the_rest": share(right[~refused]),
        "ms_median": round(float(np.median([answer.milliseconds for answer in answers])), 4),
    }


def _by_class(truth: list[str], answers: list[Answer], labels: Sequence[str]) -> Json:
    """Classes, confusions and the confusion matrix, over the labels that occur, in the model's order."""
    pairs = [(wanted, answer.text) for wanted, answer in zip(truth, answers, strict=True)]
    occurring = {label for pair in pairs for label in pair}
    names = [label for label in (*labels, BLANK) if label in occurring]
    matrix = _confusion(pairs, names)
    each = class_scores(matrix)
    sure: dict[tuple[str, str], list[float]] = defaultdict(list)
    for pair, answer in zip(pairs, answers, strict=True):
        sure[pair].append(answer.confidence)
    wrong = Counter(pair for pair in pairs if pair[0] != pair[1])
    return {
        "classes": [
            {
                "label": label,
                "n": int(each.support[at]),
                "right": int(matrix[at, at]),
                "recall": round(float(each.recall[at]), 5),
                "recall_ci95": share([True] * matrix[at, at] + [False] * (each.support[at] - matrix[at, at]))[
                    "ci95"
                ],
                "precision": round(float(each.precision[at]), 5),
                "f1": round(float(each.f1[at]), 5),
                "mistaken_for": [names[column] for column in _mistakes(matrix[at], at)],
            }
            for at, label in enumerate(names)
            if each.support[at]
        ],
        "confusions": [
            {
                "truth": wanted,
                "answer": text,
                "count": count,
                "confidence": round(float(np.mean(sure[wanted, text])), 5),
            }
            for (wanted, text), count in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))
        ],
        "confusion": {"labels": names, "matrix": matrix.tolist()},
    }


def _mistakes(row: NDArray[np.int64], own: int) -> list[int]:
    """The three columns that a class is most often mistaken for."""
    others = [column for column in np.argsort(-row, kind="stable") if column != own and row[column]]
    return [int(column) for column in others[:3]]


def _confusion(pairs: Sequence[tuple[str, str]], names: Sequence[str]) -> NDArray[np.int64]:
    column = {name: at for at, name in enumerate(names)}
    rows = np.array([[column[wanted], column[text]] for wanted, text in pairs])
    return confusion_matrix(rows[:, 0], rows[:, 1], len(names))


def _reliability(truth: list[str], answers: list[Answer]) -> list[Json]:
    """Confidence against accuracy in ten bins; those without answers are left out."""
    confidence = np.array([answer.confidence for answer in answers])
    right = _right(truth, answers)
    index = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    return [
        {
            "from": at / _BINS,
            "to": (at + 1) / _BINS,
            "n": int(inside.sum()),
            "confidence": round(float(confidence[inside].mean()), 5),
            "accuracy": round(float(right[inside].mean()), 5),
        }
        for at in range(_BINS)
        if (inside := index == at).any()
    ]


def _comparison(truth: list[str], first: Reading, second: Reading) -> Json:
    right_first, right_second = _right(truth, first.answers), _right(truth, second.answers)
    test = mcnemar(right_first, right_second)
    difference, low, high = paired_difference(right_first, right_second)
    return {
        "first": first.recognizer.model.name,
        "second": second.recognizer.model.name,
        "right_in_first_only": test.only_a,
        "right_in_second_only": test.only_b,
        "mcnemar_p": float(f"{test.p:.3g}"),
        "difference": round(difference, 5),
        "ci95": [round(low, 5), round(high, 5)],
        "same_answer": share([a.text == b.text for a, b in zip(first.answers, second.answers, strict=True)]),
    }


def _right(truth: list[str], answers: list[Answer]) -> NDArray[np.bool_]:
    return np.array([answer.text == wanted for wanted, answer in zip(truth, answers, strict=True)], bool)


def _merged(text: str) -> str:
    return "".join(map(merged, text))
