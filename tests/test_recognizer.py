"""A picture in, text out, with a made-up model: the path between the parts."""

import io
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from hwr_edge.decode import OptionError
from hwr_edge.errors import ImageError, ModelFileError
from hwr_edge.ink import Pixels, char_crop
from hwr_edge.prediction import Prediction
from hwr_edge.recognizer import Recognizer
from hwr_edge.visualise import annotate
from tests.fakes import SPEC, FakeRuntime, fake_recognizer, written

STAGES = ["load", "decode", "locate", "prepare", "inference"]


@pytest.fixture(scope="module")
def digits() -> Recognizer:
    return fake_recognizer()


@pytest.mark.parametrize(("paper", "ink"), [(230, 30), (20, 240)])
def test_a_line_is_read_dark_on_light_and_light_on_dark(digits: Recognizer, paper: int, ink: int) -> None:
    found = digits.predict(written("273", paper=paper, ink=ink), layout="word")
    assert found.text == "273"
    assert found.lines == ("273",)
    assert found.polarity == ("dark-on-light" if ink < paper else "light-on-dark")
    assert found.rejected is None


def test_a_page_is_read_in_order_with_boxes_in_image_pixels(digits: Recognizer) -> None:
    page = written("2738\n4056")
    found = digits.predict(page, layout="page")
    assert [line.replace(" ", "") for line in found.lines] == ["2738", "4056"]
    assert found.text == "\n".join(found.lines)
    for character in found.characters:
        x0, y0, x1, y1 = character.box
        inside = np.zeros(page.shape, bool)
        inside[y0:y1, x0:x1] = True
        assert (page[inside] < 60).any()
    boxes = [character.box for character in found.characters]
    assert boxes[:4] == sorted(boxes[:4])
    assert max(box[3] for box in boxes[:4]) < min(box[1] for box in boxes[4:])


def test_char_layout_answers_with_exactly_one_label_for_any_ink(digits: Recognizer) -> None:
    scribble = np.full((90, 90), 240, np.uint8)
    cv2.line(scribble, (10, 20), (80, 70), 20, 5)
    cv2.circle(scribble, (25, 65), 12, 20, 3)
    for picture in (written("8"), written("27"), scribble):
        found = digits.predict(picture, layout="char")
        assert len(found.text) == len(found.characters) == 1


@pytest.mark.parametrize("layout", ["auto", "char", "word", "page"])
@pytest.mark.parametrize("kind", ["white", "black", "noise"])
def test_a_picture_without_writing_answers_with_nothing(digits: Recognizer, layout: str, kind: str) -> None:
    blank = np.full((120, 160), 255 * (kind == "white"), np.uint8)
    if kind == "noise":
        blank = np.random.default_rng(1).normal(200, 6, (120, 160)).clip(0, 255).astype(np.uint8)
    found = digits.predict(blank, layout=layout)
    assert (found.text, found.lines, found.characters, found.rejected) == ("", (), (), "blank")
    assert found.confidence == 0


def test_doubt_is_said_and_the_reading_kept(digits: Recognizer) -> None:
    found = digits.predict(written("5"), layout="char", min_confidence=1.0)
    assert (found.text, found.rejected) == ("5", "low_confidence")
    assert digits.predict(written("5"), layout="char", min_confidence=0.0).rejected is None


def test_charset_and_top_k_reach_the_answers(digits: Recognizer) -> None:
    found = digits.predict(written("3"), layout="char", charset="0-24-9", top_k=2)
    assert found.text in "012456789"
    assert [len(character.alternatives) for character in found.characters] == [2]


def test_the_stages_add_up_to_the_total(digits: Recognizer, tmp_path: Path) -> None:
    path = tmp_path / "page.png"
    cv2.imwrite(str(path), written("2738"))
    timing = digits.predict(path, layout="page").timing_ms
    assert list(timing) == [*STAGES, "total"]
    assert timing["total"] == pytest.approx(sum(timing[stage] for stage in STAGES), abs=1e-6)
    assert all(timing[stage] > 0 for stage in STAGES)


def test_the_json_has_this_structure(digits: Recognizer, tmp_path: Path) -> None:
    path = tmp_path / "one.png"
    cv2.imwrite(str(path), written("7"))
    found = digits.predict(path, layout="char", top_k=2)
    record = found.to_dict()
    (character,) = record.pop("characters")
    timing = record.pop("timing_ms")
    assert record == {
        "schema": "hwr-edge/predict/1",
        "input": str(path),
        "model": {"name": "fake", "sha256": ""},
        "runtime": "fake",
        "device": "cpu",
        "text": "7",
        "lines": ["7"],
        "polarity": "dark-on-light",
        "rejected": None,
    }
    assert list(timing) == [*STAGES, "total"]
    assert list(character) == ["label", "confidence", "box", "alternatives", "ambiguous_with"]
    assert [type(value) for value in character["box"]] == [int] * 4
    assert [list(one) for one in character["alternatives"]] == [["label", "confidence"]] * 2
    assert character["alternatives"][0] == {"label": "7", "confidence": character["confidence"]}


def test_every_kind_of_picture_gives_the_same_reading(digits: Recognizer, tmp_path: Path) -> None:
    page = written("42")
    path = tmp_path / "p.png"
    cv2.imwrite(str(path), page)
    sources = (path, str(path), path.read_bytes(), Image.open(io.BytesIO(path.read_bytes())), page)
    found = digits.predict_many(sources, layout="word")
    assert {one.text for one in found} == {"42"}
    assert [one.input for one in found] == [str(path), str(path), "<bytes>", "<image>", "<array>"]


@pytest.mark.parametrize("limit", [0.9, None])
def test_characters_read_together_are_read_as_each_alone(digits: Recognizer, limit: float | None) -> None:
    pictures = [written(character) for character in "2738405619" * 7]
    pictures[3] = np.full((40, 40), 255, np.uint8)
    pictures[5] = cv2.resize(written("2738405\n1961234\n5678901"), (60, 60), interpolation=cv2.INTER_AREA)
    options: dict[str, Any] = {"layout": "char", "charset": "2-9", "top_k": 2, "min_confidence": limit}
    together = digits.predict_many(iter(pictures), **options)
    alone = [digits.predict(picture, **options) for picture in pictures]
    assert [_untimed(one) for one in together] == [_untimed(one) for one in alone]
    assert {None, "blank"} < {one.rejected for one in together}
    assert together[3].timing_ms["inference"] == 0 < together[4].timing_ms["inference"]
    for one in together:
        timing = dict(one.timing_ms)
        assert timing.pop("total") == pytest.approx(sum(timing.values()))
    assert digits.predict_many([], **options) == []


def _untimed(found: Prediction) -> dict[str, Any]:
    return {name: value for name, value in found.to_dict().items() if name != "timing_ms"}


def test_ready_crops_go_straight_to_the_model(digits: Recognizer) -> None:
    crops = _tight("3", "8")
    assert [answer.label for answer in digits.predict_crops(crops)] == ["3", "8"]
    dark = [255 - crop for crop in crops]
    assert [answer.label for answer in digits.predict_crops(dark, invert="yes")] == ["3", "8"]
    assert digits.predict_crops([]) == []


def test_a_crop_that_is_no_plane_is_refused(digits: Recognizer) -> None:
    for crop in (np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4)), np.zeros((0, 4), np.uint8)):
        with pytest.raises(ImageError, match="crop"):
            digits.predict_crops([crop])  # type: ignore[list-item]


def test_a_crop_goes_through_the_model_once() -> None:
    runtime = FakeRuntime()
    found = Recognizer.of(SPEC, runtime).predict(written("27384056"), layout="word")
    assert found.text == "27384056"
    assert runtime.batches == [8]


@pytest.mark.parametrize(
    "option",
    [{"layout": "line"}, {"invert": "maybe"}, {"top_k": 0}, {"min_confidence": 2}, {"charset": "xyz"}],
)
def test_an_option_without_sense_is_refused_before_any_work(
    digits: Recognizer, option: dict[str, str]
) -> None:
    with pytest.raises(OptionError):
        digits.predict("there is no such file", **option)  # type: ignore[arg-type]


def test_an_unknown_model_is_an_error() -> None:
    with pytest.raises(ModelFileError):
        Recognizer("no-such-model")


def test_the_annotated_picture_is_larger_where_labels_need_room(digits: Recognizer) -> None:
    page = written("27")
    found = digits.predict(page, layout="word")
    drawn = annotate(page, found)
    assert drawn.shape[2] == 3
    assert (drawn.max(axis=2) - drawn.min(axis=2)).any()  # coloured boxes


def test_a_jamo_is_drawn_or_romanised() -> None:
    found = fake_recognizer().predict(written("7"), layout="char")
    jamo = found.characters[0]._replace(label="ㅎ")
    changed = Prediction(**{**vars(found), "characters": (jamo,)})
    with_label, with_name = annotate(written("7"), changed), annotate(written("7"), found, {"ㅎ": "h"})
    assert not np.array_equal(with_label, with_name)


def _tight(*texts: str) -> list[Pixels]:
    return [crop.patch for text in texts if (crop := char_crop(written(text), "no"))]
