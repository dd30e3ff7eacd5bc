"""Probabilities to answers."""

import dataclasses
import string

import numpy as np
import pytest
from numpy.typing import NDArray

from hwr_edge.decode import Alternative, OptionError, allowed_labels, calibrate, decode, same_shape
from hwr_edge.errors import ModelFileError
from hwr_edge.prediction import Character
from hwr_edge.spec import InputSpec, ModelSpec

LATIN = ModelSpec(
    "latin", tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase), InputSpec(8, 8)
)


def peak(**scores: float) -> NDArray[np.float32]:
    row = np.full((1, 62), 1e-12, np.float32)
    for label, score in scores.items():
        row[0, LATIN.labels.index(label.strip("_"))] = score
    return (row / row.sum()).astype(np.float32)


def test_the_likeliest_label_comes_first_with_its_alternatives() -> None:
    (answer,) = decode(peak(O=0.6, _0=0.3, o=0.1), LATIN, top_k=3)
    assert answer.label == "O"
    assert [one.label for one in answer.alternatives] == ["O", "0", "o"]
    assert answer.alternatives[0].confidence == answer.confidence == pytest.approx(0.6, abs=1e-3)
    assert answer.rejected is None


def test_a_charset_masks_and_shares_out() -> None:
    (answer,) = decode(peak(O=0.6, _0=0.3, _7=0.1), LATIN, charset="digits", top_k=50)
    assert answer.label == "0"
    assert len(answer.alternatives) == 10
    assert answer.confidence == pytest.approx(0.75, abs=1e-3)
    assert sum(one.confidence for one in answer.alternatives) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("written", "charset", "read"),
    [("t", "upper", "T"), ("T", "a-z", "t"), ("l", "upper", "X"), ("t", "letters", "t"), ("b", "0-9", "6")],
)
def test_a_letter_of_the_other_case_speaks_for_its_twin(written: str, charset: str, read: str) -> None:
    scores = {written: 0.9, "X": 0.05, "x": 0.04, "_6": 0.01}
    assert decode(peak(**scores), LATIN, charset=charset)[0].label == read


@pytest.mark.parametrize(
    ("charset", "allowed"),
    [
        ("digits", string.digits),
        ("upper", string.ascii_uppercase),
        ("lower", string.ascii_lowercase),
        ("letters", string.ascii_uppercase + string.ascii_lowercase),
        ("0-9A-F", "0123456789ABCDEF"),
        ("xyz", "xyz"),
        ("A-A", "A"),
        (None, "".join(LATIN.labels)),
    ],
)
def test_charsets_mean_what_they_say(charset: str | None, allowed: str) -> None:
    assert "".join(allowed_labels(LATIN.labels, charset)[1]) == allowed


def test_a_range_of_jamo_passes_over_what_the_model_does_not_know() -> None:
    assert allowed_labels(tuple("ㄱㄴㄷㅏ"), "ㄱ-ㄷ")[1] == tuple("ㄱㄴㄷ")


@pytest.mark.parametrize(
    ("charset", "says"),
    [("0-9é?", "does not know \\? é"), ("F-A", "backwards"), ("", "nothing"), ("-", "know -")],
)
def test_a_charset_the_model_does_not_know_is_an_error(charset: str, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        decode(peak(A=1), LATIN, charset=charset)


def test_temperature_softens_and_keeps_the_order() -> None:
    warm = dataclasses.replace(LATIN, temperature=2.0)
    (cold,), (soft,) = decode(peak(A=0.9, B=0.1), LATIN), decode(peak(A=0.9, B=0.1), warm)
    assert soft.label == cold.label
    assert soft.confidence == pytest.approx(0.75, abs=0.02)
    assert calibrate(peak(A=0.9, B=0.1), warm).sum() == pytest.approx(1)


def test_doubt_is_said_and_the_label_kept() -> None:
    strict = dataclasses.replace(LATIN, reject_below=0.7)
    (answer,) = decode(peak(A=0.6, B=0.4), strict)
    assert (answer.label, answer.rejected) == ("A", "low_confidence")
    assert decode(peak(A=0.6, B=0.4), strict, min_confidence=0.5)[0].rejected is None


def test_a_charset_that_gets_no_probability_at_all_is_even() -> None:
    row = np.zeros((2, 62), np.float32)
    row[:, 10] = 1
    assert decode(row, LATIN, charset="digits")[1].confidence == pytest.approx(0.1)


def test_a_model_that_answers_nan_is_an_error() -> None:
    with pytest.raises(ModelFileError, match="no probabilities"):
        decode(np.full((1, 62), np.nan, np.float32), LATIN)


def test_no_crops_no_answers() -> None:
    assert decode(np.zeros((0, 62), np.float32), LATIN) == []


def test_labels_of_one_shape_add_up_to_one_shape() -> None:
    shapes = peak(O=0.5, _0=0.3, o=0.2) @ same_shape(LATIN.labels)
    assert shapes.shape[1] < 36
    assert shapes.max() == pytest.approx(1)
    assert same_shape(tuple("ㄱㅏ")).tolist() == [[1, 0], [0, 1]]


def test_look_alikes_are_named_only_where_they_are_possible() -> None:
    readings = (Alternative("O", 0.5), Alternative("0", 0.3), Alternative("D", 0.1), Alternative("o", 0.001))
    assert Character("O", 0.5, (0, 0, 1, 1), readings).ambiguous_with == ("0",)
