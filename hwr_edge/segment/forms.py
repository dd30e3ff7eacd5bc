"""What ink of each class may look like: which characters are wider than the others, which always tall."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WIDE = frozenset("MWmw")
_SPARE = 0.45  # how much wider they are written, in heights of the writing
# Many write a small 0, and i and j without their dot are low.
_TALL = frozenset("123456789ABCDEFGHIJKLMNOPQRSTUVWXYZbdfhklt")


@dataclass(frozen=True, eq=False)
class Forms:
    """Of each class.

    Attributes:
        spare: float32 (classes,) how much wider than others it may be, in heights of the writing.
        tall: bool (classes,) whether it reaches the head of the line.
    """

    spare: NDArray[np.float32]
    tall: NDArray[np.bool_]


def usual_forms(labels: Sequence[str], shapes: NDArray[np.float32]) -> Forms:
    """The forms of all shapes that labels stand for.

    Args:
        labels: the L characters.
        shapes: float32 (L, classes), above 0 where a label has this shape.
    """
    wide, low = (
        (shapes[[label in kind for label in labels]] > 0).any(axis=0)
        for kind in (_WIDE, frozenset(labels) - _TALL)
    )
    return Forms(np.where(wide, _SPARE, 0.0).astype(np.float32), np.logical_not(low))
