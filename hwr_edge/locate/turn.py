"""A sheet held aslant: how far it is turned, and the same sheet turned level."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.ink import Pixels

Reals = NDArray[np.float64]

_AGREED = 0.8  # share of the sheet's edges, by their length squared, that must run alike
_SEEN = 0.6  # share of the outline that they must make up: a corner of a sheet tells too little
_CORNER = 0.02  # of the outline's length: bends smaller than that are no corners
_BORDER = 3  # pixels: an edge this near the picture's own border is where the picture ends


@dataclass(frozen=True, eq=False)
class Turn:
    """Where a page that was turned level lies in its picture.

    Attributes:
        matrix: float64 (2, 3), pixels of the level page to pixels of the picture.
        size: width and height of the level page.
        within: width and height of the picture.
    """

    matrix: Reals
    size: tuple[int, int]
    within: tuple[int, int]

    def level(self, picture: Pixels, border: int = cv2.BORDER_REPLICATE) -> Pixels:
        """The page alone, uint8 (h, w), out of a picture uint8 (H, W)."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(picture, self.matrix, self.size, flags=flags, borderMode=border)  # type: ignore[return-value]

    def scaled(self, factor: tuple[float, float]) -> "Turn":
        """The same for page and picture with `factor` (x, y) times as many pixels."""
        scale = np.diag(factor)
        turned = scale @ self.matrix[:, :2] @ np.linalg.inv(scale)
        matrix = np.column_stack([turned, scale @ self.matrix[:, 2]])
        return Turn(matrix, _times(self.size, factor), _times(self.within, factor))

    def back(self, points: Reals) -> Reals:
        """Points of the level page, float64 (N, 2) x, y, as points of the picture."""
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]


def slant(outline: NDArray[np.int32], shape: tuple[int, ...]) -> float:
    """How far a sheet is turned: radians from -pi/4 to pi/4, positive where its lines sink to the right.

    The four edges of a sheet agree but for quarter turns. What the picture cuts off has no edge to tell by,
    and thumbs over an edge lie within its hull.

    Args:
        outline: int32 (N, 1, 2) points around the sheet.
        shape: height and width of the picture.

    Returns:
        0.0 where the edges do not agree or hardly any is in view: then it may be a mere patch of light.
    """
    hull = cv2.convexHull(outline)
    around = cv2.arcLength(hull, True)
    corners = cv2.approxPolyDP(hull, _CORNER * around, True)[:, 0].astype(np.float64)
    ends = np.roll(corners, -1, axis=0)
    far = np.array(shape[1::-1]) - 1 - _BORDER
    cut = ((corners <= _BORDER) & (ends <= _BORDER)) | ((corners >= far) & (ends >= far))
    edges = (ends - corners)[~cut.any(axis=1)]
    weight = (edges**2).sum(axis=1)
    # Four times its angle, an edge points the same way as the three others.
    mean = np.sum(weight * np.exp(4j * np.arctan2(edges[:, 1], edges[:, 0])))
    agreed = abs(mean) > _AGREED * weight.sum() and np.sqrt(weight).sum() > _SEEN * around
    return float(np.angle(mean)) / 4 if agreed else 0.0


def levelling(outline: NDArray[np.int32], shape: tuple[int, ...], angle: float) -> Turn:
    """The turn by `angle` that makes a sheet level, whose page is just large enough for its outline.

    Args:
        outline: int32 (N, 1, 2) points around the sheet.
        shape: height and width of the picture.
        angle: radians, see `slant`.
    """
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = outline[:, 0] @ turned
    corner = points.min(axis=0)
    width, height = np.ceil(np.ptp(points, axis=0)).astype(int).tolist()
    matrix = np.column_stack([turned, turned @ corner])
    return Turn(matrix, (width + 1, height + 1), (shape[1], shape[0]))


def _times(size: tuple[int, int], factor: tuple[float, float]) -> tuple[int, int]:
    return round(size[0] * factor[0]), round(size[1] * factor[1])
