"""Figures about answers: accuracy with its interval, calibration error."""

import numpy as np
from numpy.typing import NDArray


def wilson_interval(right: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval of a share, 95 % by default (Wilson 1927)."""
    if total == 0:
        return 0.0, 1.0
    share = right / total
    centre = share + z * z / (2 * total)
    spread = z * np.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return float(max(0.0, (centre - spread) / scale)), float(min(1.0, (centre + spread) / scale))


def calibration_error(confidence: NDArray[np.floating], right: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error over equal-width bins (Guo et al. 2017, equation 3).

    Args:
        confidence: (N,) in 0-1.
        right: (N,) whether each answer was right.
        bins: number of bins.
    """
    index = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = np.bincount(index, weights=confidence - right, minlength=bins)
    return float(np.abs(gaps).sum() / len(confidence))


def apply_temperature(probabilities: NDArray[np.floating], temperature: float) -> NDArray[np.float32]:
    """Soften (above 1) or sharpen (below 1) probabilities (N, classes); rows sum to 1 again."""
    if temperature == 1.0:
        return probabilities.astype(np.float32, copy=False)
    powered = np.power(np.maximum(probabilities, 1e-12), 1 / temperature)
    softened: NDArray[np.float32] = (powered / powered.sum(axis=1, keepdims=True)).astype(np.float32)
    return softened


def fit_temperature(probabilities: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """The temperature with the least log loss (Guo et al. 2017), to a hundredth of its value."""
    grid = np.exp(np.arange(np.log(0.2), np.log(5), 0.01))
    rows = np.arange(len(labels))
    losses = [-np.log(apply_temperature(probabilities, t)[rows, labels] + 1e-12).mean() for t in grid]
    return float(grid[int(np.argmin(losses))])
