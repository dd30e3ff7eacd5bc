"""Each bundled model has a card, and it says what the model's own file says."""

from dataclasses import replace

from benchmarks.modelcards import FORM, card, cards
from hwr_edge.modelfile import read_spec
from hwr_edge.models import FOLDER, names

SPEC = read_spec(FOLDER / f"digits{FORM}")


def test_the_cards_are_in_step_with_the_files() -> None:
    found = cards()
    assert len(found) == len(names())
    for path, text in found.items():
        assert path.read_text("utf-8") == text, "run: python -m benchmarks.modelcards"


def test_a_card_follows_the_metadata() -> None:
    data = {"mine/train": {"characters": 12345, "writers": 67}}
    text = card(replace(SPEC, licence="Mine.", training={"data": data}), "digits.onnx", "abc", {}, [])
    assert "Mine." in text and "| mine/train | 12,345 | 67 |" in text and "`abc`" in text
    assert "not measured with this file" in text


def test_figures_of_another_file_are_left_out_and_failures_of_this_one_listed() -> None:
    one = {"label": "7", "n": 9, "recall": 0.5, "precision": 0.75, "f1": 0.6, "mistaken_for": ["1", ""]}
    wrong = {"truth": "7", "answer": "", "count": 3}
    test = {"data": "some", "sha256": "abc", "classes": [one], "confusions": [wrong]}
    row = {
        "model": "digits",
        "shown": "doodles",
        "layout": "char",
        "n": 200,
        "int8 refused": 0.9,
        "wanted": "at least .95",
    }
    text = card(
        SPEC, "digits.onnx", "abc", {"some": test, "other": {**test, "data": "x", "sha256": "d"}}, [row]
    )
    assert "### some" in text and "### x" not in text
    assert "| 7 | 9 | 0.500 | 0.750 | 0.600 | 1 blank |" in text
    assert "some: 7 as blank (3)." in text
    assert "of 200 pictures of doodles read as `char`: 10.0%." in text
