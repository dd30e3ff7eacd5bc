"""What is no character: made up the same in every run, and drawn as doubt where a recipe says so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hwr_edge.errors import DataError, RecipeError
from hwr_edge.spec import InputSpec
from train.augment import PEN, draw, tight
from train.batches import Batches
from train.datasets import DATASETS
from train.parts import strangers
from train.pixels import write
from train.recipe import Recipe, Source
from train.samples import Samples
from train.strangers import ALIKE, KANA, STRANGERS

RECIPE = Recipe(
    "tiny", ("0", "1"), InputSpec(24, 24), (Source("mine"),), negatives=0.25, samples=64, batch=64
)
NOWHERE = Path("nowhere")


def characters() -> Samples:
    ring = np.zeros((20, 20), np.uint8)
    ring[2:-2, 2:-2] = 255
    ring[6:-6, 6:-6] = 0
    bar = np.full((20, 6), 255, np.uint8)
    names = np.array(["0", "1"] * 20)
    return Samples("mine", [ring, bar] * 20, names, names, np.arange(40).astype(str))


@pytest.mark.parametrize("name", ["doodles", "noise"])
def test_what_is_made_up_is_the_same_in_every_run(name: str) -> None:
    once, again = (STRANGERS[name](NOWHERE, "train") for _ in range(2))
    assert once.digest() == again.digest()
    assert once.digest() != STRANGERS[name](NOWHERE, "validation").digest()


def test_strangers_take_their_share_and_leave_the_characters_alone() -> None:
    noise = STRANGERS["noise"](NOWHERE, "train")
    plain = Batches(RECIPE, [characters()]).batch(0)
    recipe = replace(RECIPE, strangers=(Source("noise"),), strange=0.125)
    pictures, targets = Batches(recipe, [characters()], strangers=[noise]).batch(0)
    doubtful = np.flatnonzero((targets == 0.5).all(axis=1))
    assert doubtful.tolist() == list(range(16 + 8))
    assert (targets[24:] == plain[1][24:]).all()
    assert not (pictures[20] == plain[0][20]).all()


def test_pixels_for_export_are_of_characters_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS, "mine", lambda *_: characters())
    recipe = replace(RECIPE, strangers=(Source("noise"),), strange=0.125)
    told = write(recipe, NOWHERE, tmp_path / "train.npz", split="train", only=None, count=200)
    with np.load(tmp_path / "train.npz") as arrays:
        assert len(arrays["images"]) == len(arrays["labels"]) == told["characters"] <= 40
        assert set(arrays["labels"].tolist()) == {0, 1}


def test_letters_of_another_script_that_look_like_ours_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    jamo = Samples(
        "jamo", [np.zeros((4, 4), np.uint8)] * 4, np.array(list("ㅇㅎㅛ0")), *([np.array(list("abcd"))] * 2)
    )
    monkeypatch.setitem(DATASETS, "jamo", lambda *_: jamo)
    assert strangers(Source("jamo"), NOWHERE, RECIPE).labels.tolist() == ["ㅎ", "ㅛ"]
    monkeypatch.setitem(DATASETS, "own", lambda *_: characters())
    with pytest.raises(DataError, match="nothing but the labels"):
        strangers(Source("own"), NOWHERE, RECIPE)


def test_no_kana_looks_alike() -> None:
    assert len(set(KANA)) == len(KANA) and not ALIKE & set(KANA)


def test_strangers_without_a_share_are_an_error() -> None:
    with pytest.raises(RecipeError, match="give both"):
        replace(RECIPE, strangers=(Source("noise"),))


def test_joined_words_are_joined_and_writers_parted(data_dir: Path) -> None:
    parts = {split: STRANGERS["joined-words"](data_dir, split) for split in ("train", "test")}
    assert all(len(samples) > 100 and samples.drawn for samples in parts.values())
    assert not set(parts["train"].writers) & set(parts["test"].writers)


def test_joined_pairs_are_two_characters_of_one_writer_without_room_between(data_dir: Path) -> None:
    pairs = STRANGERS["joined-pairs"](data_dir, "test")
    assert set(np.char.str_len(pairs.labels)) == {2}
    assert not set(pairs.writers) & set(STRANGERS["joined-pairs"](data_dir, "train").writers)
    drawn = [tight(draw(item, PEN)) for item in pairs.items[:200]]  # type: ignore[arg-type]
    assert np.mean([(plane.max(axis=0) > 0).all() for plane in drawn]) > 0.95
