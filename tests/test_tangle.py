"""Ink that is no character is refused however sure the model is; ink of characters is left to it."""

import cv2
import numpy as np
import pytest

from hwr_edge import Recognizer
from hwr_edge.spec import InputSpec, ModelSpec
from hwr_edge.tangle import tangled


def ink(*curves: list[tuple[float, float]], pen: int = 4) -> np.ndarray:
    """Curves in a square of side 1 as an uint8 (80, 80) plane, cut tight."""
    plane = np.zeros((100, 100), np.uint8)
    places = [np.round(10 + 80 * np.array(curve)).astype(np.int32) for curve in curves]
    cv2.polylines(plane, places, False, 255, pen, cv2.LINE_AA)
    x, y, width, height = cv2.boundingRect(plane)
    return plane[y : y + height, x : x + width]


def spiral(turns: float) -> list[tuple[float, float]]:
    angle = np.linspace(0, 2 * np.pi * turns, 200)
    radius = np.linspace(0.05, 0.5, 200)
    return list(zip(0.5 + radius * np.cos(angle), 0.5 + radius * np.sin(angle), strict=True))


def ring(middle: float) -> list[tuple[float, float]]:
    return [(0.4 + 0.3 * np.cos(t), middle + 0.25 * np.sin(t)) for t in np.linspace(0, 6.3, 40)]


PILLARS = [[(x, 0.0), (x, 1.0)] for x in (0.0, 0.4, 0.6, 1.0)]
STRANGE = {
    "spiral": ink(spiral(4)),
    "hatching": ink([(n / 11, n % 2) for n in range(12)]),
    "squared paper": ink(
        *[[(0, n / 4), (1, n / 4)] for n in range(5)], *[[(n / 4, 0), (n / 4, 1)] for n in range(5)]
    ),
    "two rules": ink([(0, 0), (1, 0)], [(0, 0.5), (1, 0.52)]),
    "printed box": ink([(0, 0), (1, 0), (1, 0.8), (0, 0.8), (0, 0)]),
    "form of two boxes": ink([(0, 0), (1, 0), (1, 0.8), (0, 0.8), (0, 0)], [(0.5, 0), (0.5, 0.8)]),
    "noise": (np.random.default_rng(0).random((40, 40)) < 0.4).astype(np.uint8) * 255,
}
CHARACTERS = {
    "E": ink([(0.7, 0), (0, 0), (0, 1), (0.7, 1)], [(0, 0.5), (0.6, 0.5)]),
    "W": ink([(0, 0), (0.25, 1), (0.5, 0.2), (0.75, 1), (1, 0)]),
    "8": ink(ring(0.25), ring(0.75)),
    "i": ink([(0.5, 0.3), (0.5, 1)], [(0.5, 0), (0.5, 0.05)], pen=8),
    "ㅁ": ink([(0, 0.04), (0.97, 0), (1, 0.93), (0.03, 1), (0, 0.04)]),
    "I": ink([(0.5, 0), (0.5, 1)], pen=9),
    "-": ink([(0, 0.5), (1, 0.5)]),
    "ㅃ": ink(
        *PILLARS, [(0, 0.5), (0.4, 0.5)], [(0, 1), (0.4, 1)], [(0.6, 0.5), (1, 0.5)], [(0.6, 1), (1, 1)]
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_what_is_no_character_is_found(name: str) -> None:
    assert tangled(STRANGE[name])


@pytest.mark.parametrize("name", CHARACTERS)
def test_characters_pass(name: str) -> None:
    assert not tangled(CHARACTERS[name])


def test_a_sure_model_is_overruled_unless_the_caller_gives_a_limit() -> None:
    class Sure:
        name, device = "sure", "cpu"

        def run(self, batch: np.ndarray) -> np.ndarray:
            return np.tile(np.array([[1.0, 0.0]], np.float32), (len(batch), 1))

    reader = Recognizer.of(ModelSpec("two", ("a", "b"), InputSpec(24, 24)), Sure())
    picture = np.pad(STRANGE["spiral"], 20)
    assert reader.predict(picture, "char", invert="yes").rejected == "low_confidence"
    assert reader.predict(picture, "char", invert="yes", min_confidence=0.5).rejected is None
    assert reader.predict(np.pad(CHARACTERS["W"], 20), "char", invert="yes").rejected is None
