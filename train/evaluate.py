"""What a trained graph is worth: calibrated on the validation parts, measured on the test parts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hwr_edge.metrics import (
    apply_temperature,
    auc,
    calibration_error,
    confusion_matrix,
    fit_temperature,
    scores,
    wilson_interval,
)
from train.batches import plain_batch
from train.correction import Correction, fit_correction
from train.parts import Parts
from train.recipe import Recipe
from train.samples import Samples

_REFUSED = 0.03  # share of rightly read characters that the limit for doubt may refuse


@dataclass(frozen=True)
class Answers:
    """What the graph answers on one part.

    Attributes:
        probabilities: float32 (N, C), before calibration.
        labels: int64 (N,), class indices.
        ids: (N,), "source/id".
    """

    probabilities: NDArray[np.float32]
    labels: NDArray[np.int64]
    ids: NDArray[np.str_]


def evaluate(recipe: Recipe, parts: Parts, graph: keras.Model) -> tuple[dict[str, Any], Answers]:
    """Temperature and limit for doubt from all validation parts together; figures of each part.

    Returns:
        the report, `correction` in it being what validation would correct beyond the recipe's own,
        and the answers on all test parts, one after the other.
    """
    seen = {samples.source: answers(recipe, samples, graph) for samples in parts.validation}
    tests = {samples.source: answers(recipe, samples, graph) for samples in parts.test}
    temperature, reject_below, correction = recipe.temperature, recipe.reject_below, Correction()
    if seen:
        every = _joined(list(seen.values()))
        temperature = fit_temperature(every.probabilities, every.labels)
        correction = fit_correction(
            [(part.probabilities, part.labels) for part in seen.values()], recipe.labels
        )
        calibrated = apply_temperature(every.probabilities, temperature)
        right = calibrated.argmax(axis=1) == every.labels
        reject_below = float(np.quantile(calibrated.max(axis=1)[right], _REFUSED)) if right.any() else 0.0
    report = {
        "temperature": temperature,
        "reject_below": reject_below,
        "correction": asdict(correction),
        "validation": {name: figures(recipe, temperature, part) for name, part in seen.items()},
        "test": {name: figures(recipe, temperature, part) for name, part in tests.items()},
    }
    return report, _joined(list(tests.values()), len(recipe.labels))


def answers(recipe: Recipe, samples: Samples, graph: keras.Model) -> Answers:
    """The graph's probabilities for all samples."""
    pixels, labels = plain_batch(samples, recipe)
    probabilities = graph.predict(pixels, batch_size=max(recipe.batch, 64), verbose=0)
    ids = np.char.add(f"{samples.source}/", samples.ids)
    return Answers(np.asarray(probabilities, np.float32), labels, ids)


def figures(recipe: Recipe, temperature: float, part: Answers) -> dict[str, Any]:
    """Accuracy with its interval, macro precision, recall and F1, AUC, calibration error."""
    calibrated = apply_temperature(part.probabilities, temperature)
    said = calibrated.argmax(axis=1)
    right = said == part.labels
    folded = np.array([label.lower() for label in recipe.labels])
    macro = scores(confusion_matrix(part.labels, said, len(recipe.labels)))
    return {
        "n": len(part.labels),
        "accuracy": float(right.mean()),
        "interval95": wilson_interval(int(right.sum()), len(part.labels)),
        "precision": macro.precision,
        "recall": macro.recall,
        "f1": macro.f1,
        "auc": auc(part.probabilities, part.labels),
        "ignoring_case": float((folded[said] == folded[part.labels]).mean()),
        "calibration_error": calibration_error(calibrated.max(axis=1), right),
    }


def _joined(parts: Sequence[Answers], classes: int = 0) -> Answers:
    if not parts:
        return Answers(np.zeros((0, classes), np.float32), np.zeros(0, np.int64), np.zeros(0, str))
    return Answers(
        *(np.concatenate([getattr(p, name) for p in parts]) for name in ("probabilities", "labels", "ids"))
    )
