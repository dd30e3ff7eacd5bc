"""What validation shows to be wrong with every writer alike is corrected in the last layer."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hwr_edge.spec import InputSpec
from train.correction import Correction, as_layer, fit_correction
from train.recipe import Recipe, Source

PAIR = ("A", "C", "c")


def corrected(logits: NDArray[np.floating], correction: Correction) -> NDArray[np.floating]:
    matrix, bias = as_layer(correction, PAIR)
    return np.asarray(logits @ matrix + bias)


def softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def test_look_alikes_come_closer_and_the_small_letter_gains() -> None:
    logits = np.array([[1.0, 4.0, 2.0]])
    assert corrected(logits, Correction(wider=2)) == pytest.approx(np.array([[1.0, 3.5, 2.5]]))
    assert corrected(logits, Correction(small=0.6)) == pytest.approx(np.array([[1.0, 3.7, 2.3]]))
    assert corrected(logits, Correction()) == pytest.approx(logits)
    matrix, bias = as_layer(Correction(2, 0.6), ("A", "a", "7"))
    assert matrix == pytest.approx(np.eye(3)) and not bias.any()


def test_what_validation_wants_is_found_however_often_a_case_was_written() -> None:
    rng = np.random.default_rng(0)
    true, wanted = rng.normal(0, 2, (9000, 3)), Correction(1.4, 0.5)
    labels = np.array([rng.choice(3, p=row) for row in softmax(true)])
    matrix, bias = as_layer(wanted, PAIR)
    answers = softmax((true - bias) @ np.linalg.inv(matrix))
    seldom = (labels != 2) | (rng.random(len(labels)) < 0.3)
    for chosen in (labels >= 0, seldom):
        found = fit_correction([(answers[chosen], labels[chosen])], PAIR)
        assert (found.wider, found.small) == pytest.approx((wanted.wider, wanted.small), abs=0.15)
    assert fit_correction([(answers, labels)], ("0", "7", "9")) == Correction()


def test_the_file_that_answers_is_corrected() -> None:
    import keras

    from train.network import build, inference_graph

    shape, small = InputSpec(16, 16, margin=1), {"name": "edge", "widths": [4] * 4}
    recipe = Recipe("tiny", PAIR, shape, (Source("mnist"),), architecture=small)
    network = build(recipe)
    graphs = (
        network,
        inference_graph(recipe, network),
        inference_graph(replace(recipe, correction=Correction(1.5, 1)), network),
    )
    pictures = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 1)).astype(np.uint8)
    logits, plain, mended = (keras.ops.convert_to_numpy(graph(pictures)) for graph in graphs)
    assert plain == pytest.approx(softmax(logits), abs=1e-5)
    assert mended == pytest.approx(softmax(corrected(logits, Correction(1.5, 1))), abs=1e-5)
