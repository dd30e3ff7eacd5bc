"""Labelled characters in memory, as ink patches or as pen strokes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels

Strokes = tuple[NDArray[np.float32], ...]
"""One character as pen strokes, each float32 (points, 2): x right, y down, any unit."""


@dataclass(frozen=True)
class Samples:
    """Characters of one source and split.

    Attributes:
        source: the name of the data set.
        items: ink patches uint8 (h, w), or strokes.
        labels: one text per item.
        writers: who wrote it, as far as known; unique within the source.
    """

    source: str
    items: Sequence[Pixels | Strokes]
    labels: NDArray[np.str_]
    writers: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.items)

    def take(self, keep: NDArray[np.bool_]) -> "Samples":
        """The items at which the mask is true."""
        chosen = np.flatnonzero(keep)
        return Samples(
            self.source, [self.items[int(i)] for i in chosen], self.labels[chosen], self.writers[chosen]
        )
