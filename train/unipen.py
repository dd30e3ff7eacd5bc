"""What UNIPEN's characters and words have in common: files of pen strokes, and how writers are parted."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import DataError
from train.samples import in_part


def read_strokes(path: Path, advice: str, *names: str) -> tuple[NDArray[np.float32], list[NDArray[Any]]]:
    """The points, float32 (P, 2) with x right and y down, and the arrays of these names.

    Raises:
        DataError: the file is missing; `advice` says what to do.
    """
    if not path.exists():
        raise DataError(f"{path} is missing: {advice}")
    with np.load(path) as file:
        points = file["points"].astype(np.float32) * np.array([1, -1], np.float32)
        return points, [file[name] for name in names]


def by_writer(writers: NDArray[Any], split: str) -> NDArray[np.bool_]:
    """Every twentieth writer validation, every next one test."""
    return in_part(np.unique(writers, return_inverse=True)[1] % 20, 18, 19, split)
