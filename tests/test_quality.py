"""What the quality tables are made from: the best peer, both forms, and pictures that hold no character."""

import json
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import quality, refusals, segmentation, surroundings
from benchmarks.unreadable import KINDS
from hwr_edge import Recognizer
from hwr_edge.locate import find
from hwr_edge.spec import InputSpec, ModelSpec

DRAWN = ("blank", "noise", "doodles", "rules")


def test_the_best_peer_is_the_most_exact_other_reader(tmp_path: Path) -> None:
    rows = [
        {"pictures": "cards", "reader": reader, "exact": exact}
        for reader, exact in (("hwr-edge", 0.9), ("tesseract", 0.7), ("rapidocr", 0.4))
    ]
    (tmp_path / "peers.json").write_text(json.dumps({"rows": rows}))
    assert quality.best_peers(tmp_path / "peers.json")["cards"]["reader"] == "tesseract"
    assert quality.best_peers(tmp_path / "none.json") == {}


def test_a_row_sets_both_forms_beside_the_peer() -> None:
    figures: dict[str, object] = {
        key: {"value": 0.5, "ci95": [0.4, 0.6]} for key in ("accuracy", "ignoring_case", "merged_lookalikes")
    }
    figures |= {"calibration_error": 0.02, "calibration_by_chance": 0.1}
    found = {"data": {"n": 9}, "models": [{"figures": figures}] * 2}
    rows = quality.table(quality.TESTS[0], found, {"reader": "tesseract", "exact": 0.25})
    calibration = [quality.ECE, quality.BY_CHANCE]
    assert [row["metric"] for row in rows] == ["exact", "ignoring case", "look-alikes merged", *calibration]
    assert rows[0]["best peer"] == "0.250 (tesseract)" and rows[0]["wanted"] == 0.89
    assert rows[-2]["float32"] == rows[-2]["int8"] == 0.02 and rows[-1]["int8"] == 0.1


@pytest.mark.parametrize("kind", DRAWN)
def test_what_is_drawn_is_the_same_in_every_run(kind: str) -> None:
    once, again = (list(islice(KINDS[kind](Path("nowhere")), 4)) for _ in range(2))
    assert all((one[0] == other[0]).all() and one[1] == "" for one, other in zip(once, again, strict=True))


@pytest.mark.parametrize("kind", surroundings.KINDS)
def test_a_drawn_letter_is_one_character_whatever_surrounds_it(kind: str) -> None:
    photograph = np.full((900, 1200, 3), 255, np.uint8)
    cv2.putText(photograph, "R", (400, 650), cv2.FONT_HERSHEY_SIMPLEX, 16, (0, 0, 0), 50, cv2.LINE_AA)
    sheet = surroundings.sheet_of(photograph)
    picture = surroundings.KINDS[kind](sheet.copy(), np.random.default_rng(0))
    assert picture.dtype == np.uint8 and (kind == "plain") == np.array_equal(picture, sheet)
    found = find(picture)
    assert found.kind == "char" and len(found.glyphs) == 1
    assert found.polarity == ("light-on-dark" if kind == "chalk" else "dark-on-light")


@pytest.mark.parametrize("kind", surroundings.CROPS)
def test_a_photograph_made_worse_still_shows_its_letter(kind: str) -> None:
    photograph = np.full((33, 32), 190, np.uint8)
    cv2.putText(photograph, "R", (7, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (70,), 2, cv2.LINE_AA)
    picture = surroundings.CROPS[kind](photograph.copy(), np.random.default_rng(0))
    assert picture.dtype == np.uint8 and (kind == "crop") == np.array_equal(picture, photograph)
    assert len(find(picture, "char").glyphs) == 1


def test_a_word_read_rightly_need_not_be_refused() -> None:
    class Sure:
        name, device = "sure", "cpu"

        def run(self, batch: np.ndarray) -> np.ndarray:
            return np.tile(np.array([[1.0, 0.0]], np.float32), (len(batch), 1))

    reader = Recognizer.of(ModelSpec("two", ("a", "b"), InputSpec(24, 24)), Sure())
    picture = np.full((60, 50), 255, np.uint8)
    picture[10:50, 20:28] = 0
    shown = [(picture, "A"), (picture, "b"), (picture, "")]
    [row] = refusals.strange("two", "words", {"int8": reader}, ("char",), shown)
    assert row["int8 refused"] == pytest.approx(1 / 3, abs=1e-4)


def test_an_interval_of_a_ratio_holds_it_and_narrows_with_more_lines() -> None:
    few = np.array([[1, 2], [2, 2], [1, 2], [4, 6]])
    (low, high), (near, far) = (
        segmentation.ratio_interval(few),
        segmentation.ratio_interval(np.tile(few, (9, 1))),
    )
    assert low < near < 12 / 8 < far < high
