"""Learning from other models beside the labels."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwr_edge.errors import RecipeError
from hwr_edge.modelfile import read_spec
from hwr_edge.models import FOLDER
from train.recipe import Recipe, Source, read_recipe
from train.samples import Samples
from train.teachers import Teachers

DIGITS = FOLDER / "digits.int8.onnx"


def recipe(share: float = 0.6) -> Recipe:
    spec = read_spec(DIGITS)
    teaching = {"teachers": (str(DIGITS),), "taught": share}
    return Recipe("pupil", spec.labels, spec.input, (Source("strokes"),), **teaching)


def pictures(count: int) -> np.ndarray:
    spec = recipe().input
    shape = (count, spec.height, spec.width, spec.channels)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_targets_are_shared_between_label_and_teacher() -> None:
    labels = np.eye(10, dtype=np.float32)[[3, 7]]
    alone = Teachers(recipe(1.0)).softened(pictures(2), labels)
    assert alone.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
    both = Teachers(recipe(0.25)).softened(pictures(2), labels)
    assert both == pytest.approx(0.75 * labels + 0.25 * alone, abs=1e-6)


def test_what_is_no_character_is_doubted_whatever_teachers_say() -> None:
    from train.batches import Batches

    stroke = (np.array([[0, 0], [0, 1]], np.float32),)
    labels = np.array(list("0123456789"))
    samples = Samples("strokes", [stroke] * 10, labels, labels, labels)
    plan = replace(recipe(1.0), samples=64, batch=16, negatives=0.25)
    _, targets = Batches(plan, [samples]).batch(0)
    assert (targets[:4] == np.float32(0.1)).all()
    # A stroke is a 1 to the teacher, whatever it is called.
    assert (targets[4:].argmax(axis=1) == 1).all()


def test_a_teacher_of_other_labels_or_another_input_is_an_error() -> None:
    plan = recipe()
    with pytest.raises(RecipeError, match="cannot teach"):
        Teachers(replace(plan, labels=plan.labels[::-1]))
    with pytest.raises(RecipeError, match="cannot teach"):
        Teachers(replace(plan, input=replace(plan.input, height=32)))


def test_a_share_needs_teachers_and_teachers_a_share(tmp_path: Path) -> None:
    path = tmp_path / "pupil.toml"
    text = 'name = "x"\nlabels = ["1"]\ninput = { height = 8, width = 8 }\nsources = [{ name = "mnist" }]\n'
    for line in ('teachers = ["a.onnx"]', "taught = 0.5", 'teachers = ["a.onnx"]\ntaught = 1.5'):
        path.write_text(text + line)
        with pytest.raises(RecipeError, match="give both, or neither"):
            read_recipe(path)
