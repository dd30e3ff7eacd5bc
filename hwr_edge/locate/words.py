"""Where one word ends and the next begins."""

import numpy as np
from numpy.typing import NDArray

_TIGHT = 0.55  # gaps inside words stay below this share of the line's height
_WIDE = 0.35  # no gap below this share of the line's height parts words


def gap_limit(gaps: NDArray[np.float64]) -> float:
    """The gap from which on two glyphs belong to different words.

    Args:
        gaps: float64 (N,) gaps between neighbours on a page, in heights of their line.

    Returns:
        A gap in line heights; infinite where all gaps are much alike, as in widely spaced lettering.
    """
    if not len(gaps):
        return np.inf
    values = np.sort(np.clip(gaps, 0, 3))
    sums, counts = np.cumsum(values), np.arange(1, len(values) + 1)
    usual = float(np.median(values))
    if len(values) < 2:
        return max(1.5, _WIDE)
    left = sums[:-1] / counts[:-1]
    right = (sums[-1] - sums[:-1]) / (len(values) - counts[:-1])
    between = counts[:-1] * (len(values) - counts[:-1]) * (right - left) ** 2
    cut = int(np.argmax(between))
    if left[cut] > _TIGHT or right[cut] < 1.5 * left[cut] + 0.25:
        return max(2.5 * usual, 1.5)
    return max(_WIDE, float(values[cut] + values[cut + 1]) / 2)
