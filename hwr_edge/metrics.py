"""Figures about answers: accuracy with its interval, scores by class, calibration error."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_DRAWS = 400  # of answers as a calibrated reader would give them


class ClassScores(NamedTuple):
    """Figures by class, each (C,): 0-1, and how many characters there are of it."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


class Scores(NamedTuple):
    """Accuracy, and the others as plain means over the classes that occur; all 0-1."""

    accuracy: float
    precision: float
    recall: float
    f1: float


def wilson_interval(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share, 95 % by default (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = share + z * z / (2 * total)
    spread = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return float(max(0.0, (centre - spread) / scale)), float(min(1.0, (centre + spread) / scale))


def confusion_matrix(
    labels: NDArray[np.integer], answers: NDArray[np.integer], classes: int
) -> NDArray[np.int64]:
    """Int64 (C, C): how many characters of the row's class were read as the column's."""
    return np.bincount(labels * classes + answers, minlength=classes * classes).reshape(classes, classes)


def class_scores(confusion: NDArray[np.int64]) -> ClassScores:
    """Precision, recall and F1 of each class of a confusion matrix (C, C); 0 where nothing was counted."""
    right = np.diag(confusion).astype(np.float64)
    support, answered = confusion.sum(axis=1), confusion.sum(axis=0)
    f1 = 2 * right / np.maximum(support + answered, 1)
    return ClassScores(right / np.maximum(answered, 1), right / np.maximum(support, 1), f1, support)


def scores(confusion: NDArray[np.int64]) -> Scores:
    """Accuracy and macro precision, recall and F1 of a confusion matrix (C, C)."""
    each = class_scores(confusion)
    seen = each.support > 0
    if not seen.any():
        return Scores(0.0, 0.0, 0.0, 0.0)
    means = (float(part[seen].mean()) for part in (each.precision, each.recall, each.f1))
    return Scores(float(np.trace(confusion) / confusion.sum()), *means)


def top_k(probabilities: NDArray[np.floating], labels: NDArray[np.integer], k: int) -> float:
    """Share of rows (N, C) whose label (N,) is among their k likeliest."""
    own = probabilities[np.arange(len(labels)), labels][:, None]
    return float(((probabilities > own).sum(axis=1) < k).mean())


def auc(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Area under the ROC curve, each class against the others, mean over the classes that occur.

    By ranks (Mann and Whitney 1947), ties counting half; classes without counterpart are left out.
    """
    areas = []
    for column in np.unique(labels):
        is_it = labels == column
        ours, theirs = int(is_it.sum()), int((~is_it).sum())
        if theirs:
            ranks = _ranks(probabilities[:, column])
            areas.append((ranks[is_it].sum() - ours * (ours + 1) / 2) / (ours * theirs))
    return float(np.mean(areas)) if areas else 1.0


def _ranks(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Ranks from 1, those of equal values their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[inverse], np.float64)


def calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Guo et al. 2017, equation 3).

    Args:
        confidence: (N,) in 0-1.
        right: (N,) whether each answer was right.
        bins: number of bins.
    """
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def calibration_by_chance(confidence: NDArray[np.floating], bins: int = 15) -> float:
    """The `calibration_error` that perfect calibration stays under, 19 times in 20, with so many pictures.

    With few pictures a bin's share of right answers strays from its confidence by chance alone: a figure
    under this one tells nothing against the reader.

    Args:
        confidence: (N,) in 0-1.
        bins: number of bins.
    """
    if not len(confidence):
        return 0.0
    rng = np.random.default_rng(0)
    errors = [
        calibration_error(confidence, rng.random(len(confidence)) < confidence, bins) for _ in range(_DRAWS)
    ]
    return float(np.quantile(errors, 0.95))


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """Soften (above 1) or sharpen (below 1) probabilities (N, classes); rows sum to 1 again."""
    if temperature == 1.0:
        return probabilities.astype(np.float32, copy=False)
    powered = np.power(np.maximum(probabilities, 1e-12), 1 / temperature)
    softened: NDArray[np.float32] = (powered / powered.sum(axis=1, keepdims=True)).astype(np.float32)
    return softened


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature with the least log loss (Guo et al. 2017), to a hundredth of its value."""
    grid = np.exp(np.arange(np.log(0.2), np.log(5), 0.01))
    rows = np.arange(len(labels))
    losses = [-np.log(apply_temperature(probabilities, t)[rows, labels] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])
