"""Whether an exported file still answers as Keras does: run through our own runtimes on real images."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.source import Samples, blocks
from hwr_edge.errors import CheckFailed
from hwr_edge.runtimes import RUNTIMES, installed, open_runtime


@dataclass(frozen=True)
class Limits:
    """What a file is held to.

    Attributes:
        max_diff: largest difference of one probability; 1 where only the answers count.
        min_agreement: share of images with the same first answer as Keras, 0 to 1.
        max_drop: accuracy that may be lost, in points of a hundred.
    """

    max_diff: float
    min_agreement: float
    max_drop: float


FLOAT = Limits(max_diff=1e-4, min_agreement=1.0, max_drop=0.0)
INT8 = Limits(max_diff=1.0, min_agreement=0.99, max_drop=0.5)


@dataclass(frozen=True)
class Parity:
    """One file in one runtime against Keras; accuracies and agreement 0 to 1, drop in points of a hundred."""

    runtime: str
    images: int
    max_diff: float
    mean_diff: float
    agreement: float
    accuracy_keras: float
    accuracy: float
    drop: float

    def to_dict(self) -> dict[str, Any]:
        """The fields, rounded to what they can mean."""
        values = dataclasses.asdict(self)
        return {
            key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in values.items()
        }


def measure(path: Path, check: Samples, reference: NDArray[np.float32]) -> list[Parity]:
    """Run `path` in every installed runtime that opens it; the first of the list is the one "auto" takes."""
    int8 = ".int8." in path.name
    names = [entry.name for entry in RUNTIMES if path.suffix in entry.suffixes and (entry.int8 or not int8)]
    return [_measure(path, name, check, reference) for name in names if name in installed()]


def hold(path: Path, results: list[Parity], limits: Limits) -> None:
    """Raise unless each result is within `limits`.

    Raises:
        CheckFailed: names the file, the runtime and the figures outside.
    """
    if not results:
        raise CheckFailed(f"{path.name} was not checked: none of its runtimes is installed")
    for result in results:
        missed = []
        if not result.max_diff <= limits.max_diff:  # written so that NaN fails
            missed.append(f"largest difference {result.max_diff:.2g}, at most {limits.max_diff:g} wanted")
        if not result.agreement >= limits.min_agreement:
            missed.append(f"agreement {result.agreement:.2%}, at least {limits.min_agreement:.2%} wanted")
        if not result.drop <= limits.max_drop:
            missed.append(f"accuracy drop {result.drop:.2f} points, at most {limits.max_drop:g} wanted")
        if missed:
            raise CheckFailed(
                f"{path.name} in {result.runtime} on {result.images} images: {'; '.join(missed)}"
            )


def _measure(path: Path, name: str, check: Samples, reference: NDArray[np.float32]) -> Parity:
    runtime = open_runtime(path, name, device="cpu", threads=1)
    answers = np.concatenate([runtime.run(part) for part in blocks(check.images)])
    difference = np.abs(answers - reference)
    keras_right = float((reference.argmax(1) == check.labels).mean())
    right = float((answers.argmax(1) == check.labels).mean())
    return Parity(
        runtime=runtime.name,
        images=len(check.labels),
        max_diff=float(difference.max()),
        mean_diff=float(difference.mean()),
        agreement=float((answers.argmax(1) == reference.argmax(1)).mean()),
        accuracy_keras=keras_right,
        accuracy=right,
        drop=100 * (keras_right - right),
    )
