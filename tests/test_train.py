"""Recipes, batches and whole runs on small data; Keras is imported by the tests that need it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from hwr_edge.errors import DataError, RecipeError
from hwr_edge.image import to_batch
from hwr_edge.modelfile import read_spec, write_spec
from hwr_edge.spec import InputSpec, ModelSpec
from train.augment import Augmentation, augment, draw
from train.datasets import DATASETS
from train.history import read_history
from train.placement import Placement, place
from train.recipe import Recipe, read_recipe
from train.unipen import unipen

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "train" / "recipes").glob("*.toml"))
TINY = """
name = "tiny"
labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
input = { height = 24, width = 24, margin = 2 }
architecture = { name = "edge", widths = [4, 8, 8, 8], depths = [0, 0, 0] }
sources = [{ name = "paper-symbols" }]
validation = [{ name = "paper-symbols" }]
epochs = 3
samples = 512
batch = 64
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Forty pictures a digit, drawn with OpenCV's own strokes, in the layout of the BHMSDS archive."""
    folder = tmp_path / "data" / "paper-symbols-18.zip"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for digit in range(10):
        for number in [*range(36), *range(1400, 1404)]:
            image = np.full((28, 28), 255, np.uint8)
            cv2.putText(image, str(digit), (5, 23), cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.6, 0.9), 0, 2)
            cv2.imwrite(str(folder / f"{digit}-{number:04d}.png"), image)
    return folder.parent


def start(recipe: Path, data: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "train",
        "fit",
        str(recipe),
        "--data",
        str(data),
        "--out",
        str(out),
        *more,
    ]
    environment = {**os.environ, "HWR_EDGE_CACHE": str(data / "cache"), "CUDA_VISIBLE_DEVICES": ""}
    out.parent.mkdir(parents=True, exist_ok=True)
    with out.with_suffix(".log").open("w") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


def run(recipe: Path, data: Path, out: Path, *more: str) -> tuple[int, str]:
    code = start(recipe, data, out, *more).wait(600)
    return code, out.with_suffix(".log").read_text()


def networks() -> list[Recipe]:
    """One recipe for each network that recipes describe, at a size that is quickly built."""
    recipes = [read_recipe(path) for path in RECIPES]
    small = [
        replace(one, input=replace(one.input, height=72, width=72, margin=4))
        if one.input.channels == 3
        else one
        for one in recipes
    ]
    return list({json.dumps([asdict(one)["architecture"], len(one.labels)]): one for one in small}.values())


@pytest.mark.parametrize("recipe", networks(), ids=lambda recipe: recipe.name)
def test_every_network_of_the_recipes_builds(recipe: Recipe) -> None:
    from train.network import build

    model = build(recipe)
    assert model.input_shape[1:] == (recipe.input.height, recipe.input.width, recipe.input.channels)
    assert model.output_shape[1:] == (len(recipe.labels),)


def test_every_recipe_names_data_that_there_are() -> None:
    from train.datasets import DATASETS

    for recipe in map(read_recipe, RECIPES):
        for source in (*recipe.sources, *recipe.validation, *recipe.test):
            assert source.name in DATASETS
        assert recipe.validation or recipe.test or recipe.split or recipe.folds


def test_an_unknown_key_names_the_nearest_known_one(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(TINY.replace("epochs", "epoch"))
    with pytest.raises(RecipeError, match="'epoch', did you mean 'epochs'"):
        read_recipe(path)
    path.write_text(TINY.replace("margin", "margn"))
    with pytest.raises(RecipeError, match="did you mean 'margin'"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("old", "new"), [("epochs = 3", 'epochs = "3"'), ("batch = 64", "batch = 6.4"), ("[4, 8", "[[4, 8")]
)
def test_a_bad_value_is_an_error(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(TINY.replace(old, new))
    with pytest.raises(RecipeError):
        read_recipe(path)


def test_augmentation_varies_the_character_and_is_fixed_by_its_seed() -> None:
    strokes = (np.array([[0, 0], [10, 30], [20, 0]], np.float32),)
    patch = draw(strokes, 3.0)
    for item in (strokes, patch):
        first, again, other = (augment(item, Augmentation(), np.random.default_rng(s)) for s in (1, 1, 2))
        assert (first == again).all()
        assert first.shape != other.shape or (first != other).any()
        assert first.dtype == np.uint8 and first.max() > 100


def test_without_augmentation_strokes_are_drawn_where_the_pen_went() -> None:
    strokes = (np.array([[0, 0], [0, 30]], np.float32), np.array([[0, 30], [20, 30]], np.float32))
    [pixels] = to_batch([draw(strokes, 3.0)], InputSpec(88, 88, margin=0))
    assert pixels[20, 25, 0] > 200 and pixels[70, 50, 0] > 200 and pixels[20, 60, 0] == 0


def test_strokes_keep_their_size_beside_the_writers_other_characters(tmp_path: Path) -> None:
    sides, writers = [60, 120, 90, 1000, 2000, 1500], [1, 1, 1, 2, 2, 2]
    np.savez(
        tmp_path / "unipen62-strokes.npz",
        points=np.array([point for side in sides for point in ([0, 0], [side, side // 2])]),
        stroke_offsets=np.arange(0, 13, 2),
        char_offsets=np.arange(7),
        labels=np.zeros(6, int),
        writers=np.array(writers),
    )
    found = [float(np.ptp(strokes[0], axis=0).max()) for strokes in unipen(tmp_path, "train").items]
    assert found == pytest.approx([2 / 3, 4 / 3, 1, 2 / 3, 4 / 3, 1])


def test_classes_are_drawn_alike_and_batches_repeat(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HWR_EDGE_CACHE", str(tmp_path / "cache"))
    from train.batches import Batches
    from train.datasets import DATASETS

    recipe = read_tiny(tmp_path)
    samples = DATASETS["paper-symbols"](data, "train")
    few = samples.take((samples.labels != "3") | (samples.writers.astype(int) < 4))
    batches = Batches(recipe, [few])
    counts = sum(batches[i][1].sum(axis=0) for i in range(len(batches)))
    assert counts.min() > 0.5 * counts.max()
    pixels, _ = batches[3]
    assert (Batches(recipe, [few])[3][0] == pixels).all()
    assert (batches[4][0] != pixels).any()
    assert (Batches(recipe, [few], 2)[1][0] == pixels).all()


def read_tiny(folder: Path) -> Recipe:
    path = folder / "tiny.toml"
    path.write_text(TINY)
    return read_recipe(path)


ROUNDS = (
    TINY.replace('"tiny"', '"rounds"')
    .replace(
        '{ name = "edge", widths = [4, 8, 8, 8], depths = [0, 0, 0] }',
        '{ name = "cnn", filters = [4, 8, 8] }',
    )
    .replace(
        'validation = [{ name = "paper-symbols" }]', 'split = { by = "picture", validation = 60, test = 60 }'
    )
    .replace("samples = 512", "samples = 0")
    + """
view = "picture"
augmentation = false
placement = { rotate = 10, shift = 0.1, zoom = 0.1 }
optimiser = "adam"
schedule = "constant"
learning_rate = 0.01
plateau_patience = 1
stop_patience = 2
keep = "best"
"""
)


@pytest.mark.parametrize("recipe", [TINY, ROUNDS], ids=["drawn by weight", "every picture once"])
def test_a_killed_run_resumes_to_the_same_result(
    recipe: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HWR_EDGE_CACHE", str(data / "cache"))
    from train.fit import fit

    path = tmp_path / "tiny.toml"
    path.write_text(recipe)
    fit(read_recipe(path), path, data, tmp_path / "whole")
    killed = start(path, data, tmp_path / "killed")
    log = tmp_path / "killed" / "history.csv"
    deadline = time.monotonic() + 200
    while not log.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "metrics.json").exists()
    code, log_text = run(path, data, tmp_path / "killed", "--resume")
    assert code == 0, log_text
    reports = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("whole", "killed")]
    assert reports[0] == reports[1]
    histories = [read_history(tmp_path / name) for name in ("whole", "killed")]
    for row in (row for history in histories for row in history):
        del row["seconds"]
    assert histories[0] == histories[1]
    spec = read_spec(tmp_path / "whole" / "model.keras")
    assert spec.labels == tuple("0123456789") and spec.training["seed"] == 1


def test_crossval_leaves_each_group_out() -> None:
    from train.crossval import fold_recipe

    recipe = read_recipe(ROOT / "train" / "recipes" / "hangul.toml")
    fold = fold_recipe(recipe, "2")
    assert [source.split for source in fold.sources] == ["without-2", "train"]  # fonts help every fold
    assert [source.split for source in fold.test] == ["group-2"]
    assert fold.validation == fold.test
    assert replace(fold, sources=recipe.sources, validation=(), test=()) == recipe
    with pytest.raises(RecipeError, match="fold '4'"):
        fold_recipe(recipe, "4")


def test_random_folds_cover_all_pictures_once(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HWR_EDGE_CACHE", str(tmp_path / "cache"))
    from train.crossval import crossval

    path = tmp_path / "folds.toml"
    path.write_text(ROUNDS.replace("validation = 60, test = 60", "folds = 3"))
    plan = read_recipe(path, ["epochs = 1"])
    report = crossval(plan, path, data, tmp_path / "folds")
    assert list(report["figures"]) == ["0", "1", "2"]
    assert set(report["means"]) == {"accuracy", "precision", "recall", "auc", "f1"}
    assert report["mean"] == pytest.approx(np.mean(list(report["folds"].values())))
    ids = []
    for fold in report["folds"]:
        with np.load(tmp_path / "folds" / f"fold-{fold}" / "predictions.npz") as file:
            ids += file["ids"].tolist()
    assert len(ids) == len(set(ids)) == 400


def test_every_picture_comes_once_an_epoch_in_a_new_order(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HWR_EDGE_CACHE", str(tmp_path / "cache"))
    from train.batches import Batches
    from train.parts import load_parts

    path = tmp_path / "r.toml"
    path.write_text(ROUNDS)
    still = "placement = { rotate = 0, shift = 0, zoom = 0 }"
    recipe = read_recipe(path, [still, "input.channels = 3", "batch = 50"])
    parts = load_parts(recipe, data)
    batches = Batches(recipe, parts.train)
    assert (batches.steps, len(batches)) == (6, 18)
    epochs = [[batches[epoch * 6 + step] for step in range(6)] for epoch in range(2)]
    assert [len(pixels) for pixels, _ in epochs[0]] == [50] * 5 + [30]
    assert epochs[0][0][0].shape == (50, 24, 24, 3)
    first, second = (sorted(plane.tobytes() for pixels, _ in epoch for plane in pixels) for epoch in epochs)
    assert first == second
    assert (epochs[0][0][0] != epochs[1][0][0]).any()


def test_keras_is_given_every_batch_of_the_run_in_its_order(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HWR_EDGE_CACHE", str(tmp_path / "cache"))
    from train.batches import Batches
    from train.loop import trained
    from train.parts import load_parts

    path = tmp_path / "r.toml"
    path.write_text(ROUNDS)
    recipe = read_recipe(path, ["batch = 8", "stop_patience = 0"])
    drawn: list[int] = []
    given = Batches.__getitem__

    def noted(self: Batches, index: int) -> object:
        drawn.append(index)
        return given(self, index)

    monkeypatch.setattr(Batches, "__getitem__", noted)
    trained(recipe, load_parts(recipe, data), tmp_path, resume=False)
    begin = drawn.index(0, 1)  # before it, Keras looks at the first batches for their shape
    assert drawn[begin : begin + 105] == list(range(3 * 35))


def test_placement_moves_pictures_and_fills_with_paper() -> None:
    pictures = np.full((8, 20, 30, 3), 200, np.uint8)
    pictures[:, 8:12, 13:17] = 0
    still = place(pictures, Placement(), 200, np.random.default_rng(0))
    assert (still == pictures).all()
    moved = place(pictures, Placement(rotate=10, shift=0.1, zoom=0.1), 200, np.random.default_rng(0))
    assert moved.shape == pictures.shape
    assert (moved[..., 0] == moved[..., 2]).all()
    assert (moved[:, 0] == 200).all() and (moved[:, :, 0] == 200).all()
    rows, columns = (
        np.array([np.argwhere(one[..., 0] < 100).mean(axis=0)[axis] for one in moved]) for axis in (0, 1)
    )
    assert np.abs(rows - 9.5).max() <= 2.6 and np.abs(columns - 14.5).max() <= 3.6
    assert rows.std() > 0.3 and columns.std() > 0.3


def test_options_change_the_recipe_and_are_checked_like_it(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text(TINY)
    changed = read_recipe(path, ["input.height = 32", "epochs = 7", 'weights = "none"'])
    assert (changed.input.height, changed.input.width, changed.epochs) == (32, 24, 7)
    for line in ("epocs = 7", "epochs", "frozen = true", 'keep = "first"', "split = 3", "batch = 0"):
        with pytest.raises(RecipeError):
            read_recipe(path, [line])


def own_folder(path: Path) -> None:
    for digit in range(3):
        (path / str(digit)).mkdir(parents=True)
        for number in range(8):
            image = np.full((40, 40), 255, np.uint8)
            cv2.putText(image, str(digit), (8, 24 + number), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2)
            cv2.imwrite(str(path / str(digit) / f"{number}.png"), image)


def own_table(path: Path) -> None:
    own_folder(path / "pictures")
    rows = [f"pictures/{digit}/{number}.png,{digit}" for digit in range(3) for number in range(8)]
    (path / "labels.csv").write_text("\n".join(["path,label", *rows]))


def own_arrays(path: Path) -> None:
    path.mkdir(parents=True)
    images = np.full((24, 40, 40), 255, np.uint8)
    for index, image in enumerate(images):
        cv2.putText(image, str(index % 3), (8, 28), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 0, 2)
    np.savez(path / "own.npz", images=images, labels=np.array([str(i % 3) for i in range(24)]))


@pytest.mark.parametrize(
    ("write", "file"), [(own_folder, "own"), (own_table, "own/labels.csv"), (own_arrays, "own/own.npz")]
)
def test_own_pictures_are_a_data_set_too(write: Callable[[Path], None], file: str, tmp_path: Path) -> None:
    from train.parts import load_parts

    write(tmp_path / "own")
    path = tmp_path / "r.toml"
    path.write_text(ROUNDS)
    lines = [f'sources = [{{ name = "mine", path = "{file}" }}]', 'labels = ["0", "1", "2"]']
    recipe = read_recipe(path, [*lines, 'split = { by = "picture", validation = 4, test = 4 }'])
    parts = load_parts(recipe, tmp_path)
    assert [len(part[0]) for part in (parts.train, parts.validation, parts.test)] == [16, 4, 4]
    assert parts.train[0].source == "mine" and set(parts.train[0].labels.tolist()) == {"0", "1", "2"}
    assert all(np.shape(item) == (24, 24) and np.max(item) > 200 for item in parts.train[0].items)
    with pytest.raises(RecipeError, match="has no parts of its own"):
        load_parts(read_recipe(path, [lines[0], lines[1], 'split = { by = "own" }']), tmp_path)


def finished(folder: Path, seed: int) -> Path:
    """A run as far as averaging looks at it: its recipe, and an untrained model with its spec."""
    import keras

    from train.network import build, inference_graph

    folder.mkdir()
    (folder / "recipe.toml").write_text(TINY)
    recipe = read_recipe(folder / "recipe.toml")
    keras.utils.set_random_seed(seed)
    inference_graph(recipe, build(recipe)).save(folder / "model.keras")
    spec = ModelSpec("tiny", recipe.labels, recipe.input, training={"recipe_sha256": str(seed)})
    write_spec(folder / "model.keras", spec)
    return folder


def test_the_mean_of_two_runs_has_the_mean_of_their_weights(tmp_path: Path, data: Path) -> None:
    import keras

    from train.average import average

    runs = [finished(tmp_path / name, seed) for seed, name in enumerate("ab")]
    report = average(runs, data, tmp_path / "mean")
    made, *parts = (
        [np.asarray(weight) for weight in model.trainable_weights]
        for folder in (tmp_path / "mean", *runs)
        for model in [keras.models.load_model(folder / "model.keras", compile=False)]
    )
    for mean, one, other in zip(made, *parts, strict=True):
        assert mean == pytest.approx((one + other) / 2, abs=1e-6)
    assert any(np.any(one != other) for one, other in zip(*parts, strict=True))
    assert read_spec(tmp_path / "mean" / "model.keras").training["averaged_recipes_sha256"] == ["0", "1"]
    assert json.loads((tmp_path / "mean" / "metrics.json").read_text()) == json.loads(json.dumps(report))


def test_statistics_are_taken_anew_from_what_the_mean_network_sees() -> None:
    import keras

    from train.average import settle

    pixels = keras.Input((2, 2, 1))
    layer = keras.layers.BatchNormalization()
    graph = keras.Model(pixels, layer(keras.layers.Rescaling(1.0)(pixels)))
    batches = np.random.default_rng(0).integers(0, 256, (3, 8, 2, 2, 1), dtype=np.uint8)
    settle(graph, batches)
    assert np.asarray(layer.moving_mean) == pytest.approx(batches.mean(), rel=1e-4)
    assert np.asarray(layer.moving_variance) == pytest.approx(batches.var(axis=(1, 2, 3)).mean(), rel=1e-4)
    assert layer.momentum == 0.99


def test_only_finished_runs_are_averaged(tmp_path: Path, data: Path) -> None:
    from train.average import average

    run = finished(tmp_path / "a", 0)
    with pytest.raises(RecipeError, match="two or more"):
        average([run], data, tmp_path / "mean")
    with pytest.raises(DataError, match=r"model\.keras is missing"):
        average([run, tmp_path / "b"], data, tmp_path / "mean")
    assert not (tmp_path / "mean").exists()


def test_a_moved_camera_smears_ink_and_leaves_it_dark() -> None:
    options = Augmentation(**{**dict.fromkeys(asdict(Augmentation()), 0.0), "motion": 1.0})
    patch = np.zeros((40, 40), np.uint8)
    patch[10:30, 18:22] = 255
    smeared = [augment(patch, options, np.random.default_rng(seed)) for seed in range(8)]
    assert all(one.max() == 255 for one in smeared)
    assert max(np.count_nonzero((one > 20) & (one < 200)) for one in smeared) > 100


def test_cheque_digits_part_by_picture(data_dir: Path) -> None:
    parts = {split: DATASETS["cheque-digits"](data_dir, split) for split in ("train", "test")}
    assert {int(writer) < 400 for writer in parts["train"].writers} == {True}
    assert {int(writer) < 400 for writer in parts["test"].writers} == {False}
    assert min(len(samples) for samples in parts.values()) > 1000
    with pytest.raises(DataError, match="no split 'validation'"):
        DATASETS["cheque-digits"](data_dir, "validation")
