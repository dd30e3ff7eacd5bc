"""UNIPEN's characters, and what its words share with them: pen strokes, and how writers are parted."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import DataError
from train.samples import CROP, LATIN, Samples, Strokes, View, in_part


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


def unipen(data: Path, split: str, view: View = CROP) -> Samples:
    """UNIPEN isolated characters as strokes; every twentieth writer validation, every next one test.

    Their unit is the longest side of the writer's usual character: how large one is beside the others, and so
    beside the pen, tells `c` from `C`. The view is one of pictures and changes nothing.
    """
    path = data / "unipen62-strokes.npz"
    points, (starts, strokes, classes, writers) = read_strokes(
        path,
        "put the UNIPEN strokes there, or name its folder with --data",
        *("char_offsets", "stroke_offsets", "labels", "writers"),
    )
    labels = np.array(list(LATIN))[classes]
    points /= _usual_size(points, strokes[starts], writers)[:, None]
    pens = np.split(points, strokes[1:-1])
    items: list[Strokes] = [tuple(pens[a:b]) for a, b in pairwise(starts)]
    ids = np.arange(len(items)).astype(str)
    samples = Samples("unipen", items, labels, writers.astype(str), ids)
    return samples.take(by_writer(writers, split))


def _usual_size(
    points: NDArray[np.float32], bounds: NDArray[np.int64], writers: NDArray[np.int64]
) -> NDArray[np.float32]:
    """For each point the median of the longest sides of its writer's characters.

    Args:
        points: float32 (P, 2).
        bounds: int64 (N + 1,); character i has the points `bounds[i]:bounds[i + 1]`.
        writers: (N,).
    """
    low, high = (reduce.reduceat(points, bounds[:-1]) for reduce in (np.minimum, np.maximum))
    sides = (high - low).max(axis=1)
    _, writer = np.unique(writers, return_inverse=True)
    usual = np.array([np.median(sides[writer == one]) for one in range(writer.max() + 1)], np.float32)
    return np.repeat(usual[writer], np.diff(bounds))
