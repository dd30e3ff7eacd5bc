"""Intervals, scores by class, calibration error and temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwr_edge.metrics import (
    apply_temperature,
    auc,
    calibration_by_chance,
    calibration_error,
    class_scores,
    confusion_matrix,
    fit_temperature,
    scores,
    top_k,
    wilson_interval,
)


def test_wilson_interval_matches_a_published_value() -> None:
    # 81 of 263, Newcombe 1998, Table I, method 3.
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_interval_holds_the_share(right: int, more: int) -> None:
    low, high = wilson_interval(right, right + more)
    assert 0 <= low <= right / (right + more) + 1e-9
    assert right / (right + more) - 1e-9 <= high <= 1


def test_calibration_error_is_the_gap_between_confidence_and_truth() -> None:
    right = np.array([True] * 6 + [False] * 4)
    assert calibration_error(np.full(10, 0.6), right) == pytest.approx(0)
    assert calibration_error(np.full(10, 0.9), right) == pytest.approx(0.3)


def test_few_pictures_of_a_calibrated_reader_show_an_error_by_chance() -> None:
    rng = np.random.default_rng(0)
    few, many = (rng.uniform(0.5, 1, count) for count in (100, 10_000))
    assert calibration_by_chance(few) > 5 * calibration_by_chance(many) > 0
    drawn = [calibration_error(few, rng.random(100) < few) for _ in range(400)]
    assert np.mean(np.array(drawn) <= calibration_by_chance(few)) == pytest.approx(0.95, abs=0.04)
    assert calibration_by_chance(np.empty(0)) == 0


def test_temperature_undoes_overconfidence() -> None:
    rng = np.random.default_rng(0)
    true = rng.dirichlet(np.ones(5), 4000)
    labels = np.array([rng.choice(5, p=row) for row in true])
    assert fit_temperature(apply_temperature(true, 0.5), labels) == pytest.approx(2.0, rel=0.1)


@given(st.floats(0.3, 4))
def test_temperature_keeps_the_order(temperature: float) -> None:
    rows = np.random.default_rng(1).dirichlet(np.ones(6), 20)
    softened = apply_temperature(rows, temperature)
    assert (softened.argmax(axis=1) == rows.argmax(axis=1)).all()
    assert np.allclose(softened.sum(axis=1), 1, atol=1e-5)


def test_macro_scores_of_a_small_confusion_matrix_are_those_done_by_hand() -> None:
    confusion = confusion_matrix(np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0]), 3)
    assert confusion.tolist() == [[2, 1, 0], [1, 1, 0], [0, 0, 0]]
    each = class_scores(confusion)
    assert each.support.tolist() == [3, 2, 0]
    assert each.f1 == pytest.approx([2 / 3, 1 / 2, 0])
    assert scores(confusion) == pytest.approx((3 / 5, 7 / 12, 7 / 12, 7 / 12))


def test_top_k_counts_labels_among_the_likeliest() -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]])
    assert [top_k(probabilities, np.array([1, 0]), k) for k in (1, 2, 3)] == [0, 0.5, 1]


def test_auc_is_the_chance_of_ranking_a_pair_right() -> None:
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 40)
    score = np.round(random.random(40), 1)
    ours, theirs = score[labels == 1][:, None], score[labels == 0][None]
    pairs = (ours > theirs).mean() + (ours == theirs).mean() / 2
    assert auc(np.stack([1 - score, score], axis=1), labels) == pytest.approx(pairs)
