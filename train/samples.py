"""Labelled characters in memory, as pictures or as pen strokes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import DataError
from hwr_edge.ink import DARK_ON_LIGHT, Pixels, char_crop, resolve_polarity, to_grey

DIGITS = "0123456789"
LATIN = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz"
DESCENDERS = "gjpqy"

Strokes = tuple[NDArray[np.float32], ...]
"""One character as pen strokes, each float32 (points, 2): x right, y down, any unit."""


@dataclass(frozen=True)
class View:
    """What is taken of a picture.

    Attributes:
        height, width: the size to which the whole picture is squeezed, as the papers do; 0 for the character
            alone, cut to its ink as at inference.
    """

    height: int = 0
    width: int = 0

    def of(self, image: Pixels, invert: str) -> Pixels | None:
        """Ink uint8 (h, w), 0 paper to 255 ink; None where no character is found.

        Args:
            image: uint8 (H, W) or BGR (H, W, 3).
            invert: "yes" for light ink, "no" for dark ink, "auto".
        """
        if not self.height:
            found = char_crop(image, invert)
            return found.patch if found else None
        polarity = resolve_polarity(image, invert)
        grey = to_grey(image, polarity)
        shrinks = grey.shape[0] > self.height or grey.shape[1] > self.width
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        small = cv2.resize(grey, (self.width, self.height), interpolation=how)
        return 255 - small if polarity == DARK_ON_LIGHT else small  # type: ignore[return-value]


CROP = View()


@dataclass(frozen=True)
class Samples:
    """Characters of one source and split.

    Attributes:
        source: the name of the data set.
        items: ink uint8 (h, w) each, or strokes.
        labels: one text per item.
        writers: who wrote it, as far as known; unique within the source.
        ids: which character of the data set each is; the same in every run.
    """

    source: str
    items: Sequence[Pixels | Strokes] | Pixels
    labels: NDArray[np.str_]
    writers: NDArray[np.str_]
    ids: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.items)

    @property
    def drawn(self) -> bool:
        """Whether the items are strokes."""
        return bool(len(self.items)) and isinstance(self.items[0], tuple)

    def take(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> "Samples":
        """The items at which the mask is true, or those of the indices, in their order."""
        chosen = np.flatnonzero(keep) if keep.dtype == np.bool_ else keep
        items = (
            self.items[chosen]  # type: ignore[index]
            if isinstance(self.items, np.ndarray)
            else [self.items[int(i)] for i in chosen]
        )
        return Samples(self.source, items, self.labels[chosen], self.writers[chosen], self.ids[chosen])

    def digest(self) -> str:
        """SHA-256 of the characters and their labels, in their order."""
        found = hashlib.sha256("\0".join(self.labels.tolist()).encode())
        for item in self.items:
            for plane in item if isinstance(item, tuple) else (item,):
                found.update(np.ascontiguousarray(plane).tobytes())
        return found.hexdigest()


def in_part(number: NDArray[np.int64], validation: int, test: int, split: str) -> NDArray[np.bool_]:
    """Below `validation` train, from `test` on test, between them validation."""
    masks = {
        "train": number < validation,
        "validation": (number >= validation) & (number < test),
        "test": number >= test,
        "all": np.ones(len(number), bool),
    }
    if split not in masks:
        raise DataError(f"unknown split {split!r}: there are {', '.join(masks)}")
    return masks[split]
