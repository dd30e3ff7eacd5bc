"""Which characters are wider than the others, so that a wide glyph is not taken for two."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_WIDE = frozenset("MWmw")
_SPARE = 0.45  # how much wider they are written, in heights of the writing


def spare_widths(labels: Sequence[str], shapes: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much wider than other characters each shape may be.

    Args:
        labels: the L characters.
        shapes: float32 (L, classes), above 0 where a label has this shape.

    Returns:
        float32 (classes,) in heights of the writing.
    """
    wide = np.array([label in _WIDE for label in labels])
    return np.where((shapes[wide] > 0).any(axis=0), _SPARE, 0.0).astype(np.float32)
