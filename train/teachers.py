"""Models that a run learns from beside the labels (distillation, Hinton et al. 2015)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import RecipeError
from hwr_edge.ink import Pixels
from hwr_edge.metrics import apply_temperature
from hwr_edge.modelfile import read_spec
from hwr_edge.runtimes import Runtime, open_runtime
from train.recipe import Recipe


@dataclass(frozen=True)
class Teacher:
    """An opened model and the temperature that makes its answers probabilities to be trusted."""

    runtime: Runtime
    temperature: float


class Teachers:
    """The recipe's teachers, each in the runtime that opens its file; not all bear two threads at once."""

    def __init__(self, recipe: Recipe) -> None:
        self.teachers = [_opened(Path(path), recipe) for path in recipe.teachers]
        self.share = recipe.taught
        self.lock = Lock()

    def softened(self, pictures: Pixels, targets: NDArray[np.float32]) -> NDArray[np.float32]:
        """The targets with the teachers' mean answer taking its share of each.

        Args:
            pictures: uint8 (N, H, W, C), as the network sees them.
            targets: float32 (N, classes).
        """
        with self.lock:
            mean = _mean(self.teachers, pictures)
        return (1 - self.share) * targets + self.share * mean  # type: ignore[no-any-return]


def _mean(teachers: Sequence[Teacher], pictures: Pixels) -> NDArray[np.float32]:
    answers = [apply_temperature(one.runtime.run(pictures), one.temperature) for one in teachers]
    return np.mean(answers, axis=0, dtype=np.float32)  # type: ignore[no-any-return]


def _opened(path: Path, recipe: Recipe) -> Teacher:
    runtime = open_runtime(path, threads=1)  # batches are drawn in several threads already
    spec = read_spec(path)
    if spec.labels != recipe.labels or spec.input != recipe.input:
        raise RecipeError(f"{path} cannot teach this recipe: its labels or its input are others")
    return Teacher(runtime, spec.temperature)
