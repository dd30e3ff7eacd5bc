"""Finished pictures turned and moved, as papers do that train on whole pictures."""

from dataclasses import dataclass

import cv2
import numpy as np

from hwr_edge.ink import Pixels


@dataclass(frozen=True)
class Placement:
    """How far the finished picture is turned and moved, each drawn evenly up to the limit; 0 is not at all.

    Attributes:
        rotate: degrees.
        shift: share of the height and of the width.
        zoom: share by which each side grows or shrinks.
    """

    rotate: float = 0.0
    shift: float = 0.0
    zoom: float = 0.0


def place(pictures: Pixels, options: Placement, paper: int, rng: np.random.Generator) -> Pixels:
    """Turn, shift and zoom finished pictures uint8 (N, H, W, C); what comes in from outside is paper.

    The ranges are those of Keras' ImageDataGenerator, which the Hangul paper used.
    """
    height, width = pictures.shape[1:3]
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    out = np.empty_like(pictures)
    for picture, target in zip(pictures, out, strict=True):
        angle = np.deg2rad(rng.uniform(-options.rotate, options.rotate))
        zoom = rng.uniform(1 - options.zoom, 1 + options.zoom, 2)
        move = rng.uniform(-options.shift, options.shift, 2) * (width, height)
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = np.array([[cos, -sin], [sin, cos]]) @ np.diag(zoom)
        full = np.hstack([matrix, (centre + move - matrix @ centre)[:, None]])
        moved = cv2.warpAffine(picture, full, (width, height), borderValue=(paper,) * 4)
        target[:] = moved.reshape(target.shape)
    return out
