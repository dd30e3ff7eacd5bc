"""What a network gets wrong with every new writer alike, mended in its last layer.

It learns by heart which case its training writers meant, not what a new one will mean: one temperature for
all doubt (Guo et al. 2017) is then too high between shapes and too low between `c` and `C`. And where it
takes the one for the other, it mostly takes a small letter for a capital. What mends both is linear in the
logits: it costs nothing when reading.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwr_edge.lookalikes import merged


@dataclass(frozen=True)
class Correction:
    """Of the answers between look-alikes (`hwr_edge.lookalikes`).

    Attributes:
        wider: what their logits differ by is divided by this.
        small: what a small letter's logit then gains on that of its capital.
    """

    wider: float = 1.0
    small: float = 0.0


def as_layer(
    correction: Correction, labels: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Logits (N, C) times the first, (C, C), plus the second, (C,), are corrected."""
    groups = np.array([merged(label) for label in labels])
    same = groups[:, None] == groups
    mean = same / same.sum(axis=0)
    matrix = mean + (np.eye(len(labels)) - mean) / correction.wider
    twins = [label.swapcase() in labels and merged(label) == merged(label.swapcase()) for label in labels]
    sign = [twin * (label.islower() - label.isupper()) for twin, label in zip(twins, labels, strict=True)]
    return matrix, np.array(sign) * correction.small / 2


def fit_correction(
    parts: Sequence[tuple[NDArray[np.floating], NDArray[np.integer]]], names: Sequence[str]
) -> Correction:
    """The correction with the least log loss, at whatever temperature goes with it.

    Every part counts alike and in it every class: how often a writer wrote which case is none of ours.

    Args:
        parts: probabilities (N, C) of characters not trained on, and their class indices (N,).
        names: the C labels.
    """
    from scipy.optimize import minimize

    logits = np.log(np.maximum(np.concatenate([probabilities for probabilities, _ in parts]), 1e-12))
    labels = np.concatenate([labels for _, labels in parts])
    weights = np.concatenate([_even(labels) for _, labels in parts])

    def loss(knobs: NDArray[np.float64]) -> float:
        matrix, bias = as_layer(Correction(float(np.exp(knobs[1])), float(knobs[2])), names)
        scores = (logits @ matrix + bias) * np.exp(-knobs[0])
        scores -= scores.max(axis=1, keepdims=True)
        own = scores[np.arange(len(labels)), labels] - np.log(np.exp(scores).sum(axis=1))
        return float(-weights @ own)

    _, wider, small = minimize(loss, np.zeros(3), method="L-BFGS-B").x
    return Correction(round(float(np.exp(wider)), 2), round(float(small), 2))


def _even(labels: NDArray[np.integer]) -> NDArray[np.float64]:
    shares = 1 / np.bincount(labels)[labels]
    return np.asarray(shares / shares.sum())
