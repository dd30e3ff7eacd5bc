"""Intervals, calibration error and temperature."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwr_edge.metrics import apply_temperature, calibration_error, fit_temperature, wilson_interval


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
