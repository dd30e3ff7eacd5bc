"""How large characters are and how they follow each other: `tables.npz`, which `train.context` makes."""

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("tables.npz")
SYMBOLS = " abcdefghijklmnopqrstuvwxyz0"
"""What the language model tells apart: the gap between words, letters of either case, and any digit."""
KINDS = ("gap", "lower", "upper", "digit")
STEPS = 5
"""What follows what is held in so many steps a nat."""

Reals = NDArray[np.float32]


def symbol(label: str) -> int:
    """Position in `SYMBOLS` of a digit or Latin letter; the gap stands for all else."""
    return SYMBOLS.find("0" if label.isdecimal() else label.lower()) if label.isascii() else 0


def kind(label: str) -> int:
    """Position in `KINDS` of a digit or letter; the gap stands for all else."""
    return 1 if label.islower() else 2 if label.isupper() else 3 if label.isdecimal() else 0


@dataclass(frozen=True, eq=False)
class Tables:
    """Chances, and sizes in units of a line's x-height.

    Attributes:
        labels: the characters whose sizes are known, C of them.
        height: (C, 2) mean and standard deviation of the logarithm of the height.
        foot: (C, 2) mean and standard deviation of how far the lowest ink is under the baseline.
        follows: uint8 (28, 28, 28, 28), what speaks against a symbol after three others, `STEPS` a nat.
        upper: (4, 4) logarithm of a letter being a capital, after the kinds of the two characters before it.
        lower: (4, 4) logarithm of its not being one.
    """

    labels: str
    height: Reals
    foot: Reals
    follows: NDArray[np.uint8]
    upper: Reals
    lower: Reals


@functools.cache
def load() -> Tables:
    """The tables that the package holds."""
    with np.load(FILE) as file:
        follows, capital = file["follows"], file["capital"]
        return Tables(
            str(file["labels"]), file["height"], file["foot"], follows, np.log(capital), np.log1p(-capital)
        )
