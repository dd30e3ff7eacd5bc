"""Whole small runs: their pictures, the table of the papers, Grad-CAM of what was tested, and the search."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.papers import PRINTED, neighbours, read_entry, rows
from hwr_edge.errors import DataError
from train.architectures import ARCHITECTURES
from train.runs import counted_recipe

ROOT = Path(__file__).parent.parent
RECIPE = """
name = "tiny"
labels = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
input = {{ height = 28, width = 28, margin = 2 }}
architecture = {{ name = "{name}" }}
sources = [{{ name = "paper-symbols" }}]
split = {{ by = "{by}", validation = 0.1, test = 0.2, seed = 1 }}
augmentation = false
epochs = 2
samples = 0
batch = 32
optimiser = "adam"
schedule = "constant"
learning_rate = 0.003
label_smoothing = 0
"""
TRAIN = """
import sys
from pathlib import Path
from train.fit import fit
from train.recipe import read_recipe
folder = Path(sys.argv[1])
runs = [("cnn", "picture", 1), ("cnn", "picture", 2), ("mlp", "picture", 1), ("cnn", "writer", 1)]
for name, by, seed in runs:
    path = folder / f"{name}-{by}.toml"
    plan = read_recipe(path, [f"seed = {seed}"])
    fit(plan, path, folder / "data", folder / f"{name}-{by}-{seed}")
"""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with four short runs and their data: forty pictures a digit."""
    folder = tmp_path_factory.mktemp("runs")
    archive = folder / "data" / "paper-symbols-18.zip"
    archive.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for digit in range(10):
        for number in range(40):
            image = np.full((28, 28), 255, np.uint8)
            cv2.putText(image, str(digit), (5, 23), cv2.FONT_HERSHEY_SIMPLEX, rng.uniform(0.6, 0.9), 0, 2)
            cv2.imwrite(str(archive / f"{digit}-{number:04d}.png"), image)
    for name in ("cnn", "mlp"):
        for by in ("picture", "writer"):
            (folder / f"{name}-{by}.toml").write_text(RECIPE.format(name=name, by=by))
    command(["-c", TRAIN, str(folder)], folder)
    return folder


def command(words: Sequence[str], folder: Path) -> str:
    environment = {
        **os.environ,
        "HWR_EDGE_CACHE": str(folder / "cache"),
        "HWR_EDGE_DATA": str(folder / "data"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }
    line = [sys.executable, *words]
    done = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_folder_holds_its_pictures(runs: Path) -> None:
    names = {path.name for path in (runs / "cnn-picture-1").iterdir()}
    assert names >= {
        "curves.png",
        "confusion.png",
        "confusion.csv",
        "classes.png",
        "classes.csv",
        "model.keras",
    }
    assert counted_recipe(runs / "cnn-picture-2").seed == 2


def test_seeds_and_splits_of_one_setting_become_one_row(runs: Path) -> None:
    entries = [read_entry(path.parent) for path in sorted(runs.glob("*/metrics.json"))]
    mlp, cnn = rows(entries)
    assert (mlp["architecture"], cnn["architecture"]) == ("mlp", "cnn")
    assert (mlp["paper"], mlp["their number"]) == ("Zhao", 0.81)
    assert mlp["setting"] == "paper-symbols, 10 classes; 28x28x1; the paper: emnist"
    assert mlp["ours, writer-disjoint"] is None and mlp["95 % interval, writers disjoint"] is None
    assert (cnn["seeds"], mlp["seeds"], cnn["epochs"]) == ("1, 2 / 1", "1", 2)  # after /: writers apart
    figures = [json.loads((runs / f"cnn-picture-{seed}" / "metrics.json").read_text()) for seed in (1, 2)]
    mean = np.mean([one["test"]["paper-symbols"]["accuracy"] for one in figures])
    assert cnn["ours, same setting"] == pytest.approx(mean, abs=5e-5)
    low, high = cnn["95 % interval"]
    assert low < cnn["ours, same setting"] < high
    assert mlp["parameters"] == 784 * 200 + 200 + 2 * (200 * 200 + 200) + 200 * 10 + 10
    assert mlp["MACs"] == 784 * 200 + 2 * 200 * 200 + 200 * 10
    assert cnn["MACs"] == 28**2 * 9 * 16 + 14**2 * 9 * 16 * 64 + 7**2 * 9 * 64 * 64 + 576 * 128 + 128 * 10
    assert all(row["training time"].endswith(" s") and "tensorflow" in row["device"] for row in (mlp, cnn))


@pytest.mark.parametrize(
    ("split", "disjoint"),
    [({"by": "writer"}, True), ({"by": "own"}, True), ({"by": "own", "train": 9}, False), (None, False)],
)
def test_a_split_by_writer_or_the_data_sets_own_keeps_writers_apart(
    runs: Path, split: dict[str, object] | None, disjoint: bool
) -> None:
    entry = read_entry(runs / "mlp-picture-1")
    assert replace(entry, recipe={**entry.recipe, "split": split}).disjoint == disjoint


def test_neighbours_are_tested_on_the_same_characters_by_seed(runs: Path) -> None:
    entries = [read_entry(path.parent) for path in sorted(runs.glob("*/metrics.json"))]
    [one] = neighbours(entries)
    assert (one["better"], one["than"], one["seed"], one["n"]) == ("cnn", "mlp", 1, 80)
    assert one["only better right"] - one["only other right"] == round(one["difference"] * 80)
    assert 0 < float(one["McNemar p"]) <= 1


def test_one_architecture_in_two_settings_is_told_apart(runs: Path) -> None:
    entry = read_entry(runs / "mlp-picture-1")
    both = [replace(entry, recipe={**entry.recipe, "schedule": name}) for name in ("constant", "cosine")]
    [one] = neighbours(both)
    assert {one["better"], one["than"]} == {
        f"mlp (28x28x1, {name}, 2 epochs)" for name in ("constant", "cosine")
    }
    assert "cosine schedule" in rows(both)[1]["setting"] and "schedule" not in rows(both)[0]["setting"]


def test_the_command_writes_both_files_and_keeps_what_was_not_given(runs: Path, tmp_path: Path) -> None:
    line = ["-m", "benchmarks.papers", "--json", str(tmp_path / "papers.json")]
    command([*line, str(runs / "mlp-picture-1")], runs)
    assert len(json.loads((tmp_path / "papers.json").read_text())) == 1
    command([*line, "--keep", *(str(runs / f"cnn-picture-{seed}") for seed in (1, 2))], runs)
    kept = json.loads((tmp_path / "papers.json").read_text())
    assert [row["architecture"] for row in kept] == ["mlp", "cnn"]
    assert json.loads((tmp_path / "neighbours.json").read_text()) == []


def test_old_tests_between_neighbours_go_where_their_group_was_measured_anew(
    runs: Path, tmp_path: Path
) -> None:
    stale = {"data": "paper-symbols", "writers": "on both sides", "seed": 1, "better": "mlp", "than": "edge"}
    (tmp_path / "neighbours.json").write_text(json.dumps([stale, {**stale, "seed": 2}]))
    given = [str(runs / f"{name}-picture-1") for name in ("cnn", "mlp")]
    command(["-m", "benchmarks.papers", "--keep", "--json", str(tmp_path / "papers.json"), *given], runs)
    found = json.loads((tmp_path / "neighbours.json").read_text())
    assert [(row["seed"], {row["better"], row["than"]}) for row in found] == [
        (2, {"mlp", "edge"}),
        (1, {"cnn", "mlp"}),
    ]


def test_a_run_that_is_not_finished_has_no_row(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(DataError, match="holds no finished run"):
        read_entry(tmp_path / "run")


def test_every_architecture_of_the_papers_has_its_printed_figure() -> None:
    assert set(PRINTED) | {"edge"} == set(ARCHITECTURES)


def test_gradcam_without_pictures_takes_those_the_run_was_tested_on(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheets"
    words = ["-m", "train", "gradcam", str(runs / "cnn-writer-1"), "--out", str(out), "--format", "json"]
    found = json.loads(command(words, runs))
    assert found["n"] == found["right"] + found["wrong"] == 80
    assert sorted(path.name for path in out.iterdir()) == [Path(path).name for path in sorted(found["files"])]


def test_the_search_tries_the_papers_space_and_resumes(runs: Path, tmp_path: Path) -> None:
    words = ["-m", "train", "tune", str(runs / "cnn-picture.toml"), "--out", str(tmp_path), "--epochs", "1"]
    first = json.loads(command([*words, "--trials", "1", "--format", "json"], runs))
    made = (tmp_path / "trial-0" / "metrics.json").stat().st_mtime_ns
    found = json.loads(command([*words, "--trials", "2", "--resume", "--format", "json"], runs))
    assert (tmp_path / "trial-0" / "metrics.json").stat().st_mtime_ns == made
    assert first["trials"][0] in found["trials"] and len(found["trials"]) == 2
    assert found["trials"][0]["validation_accuracy"] >= found["trials"][1]["validation_accuracy"]
    for trial in found["trials"]:
        assert trial["first"] in (16, 32, 64) and trial["third"] in (64, 128, 256)
        assert trial["learning_rate"] in (0.01, 0.005, 0.001, 0.0001)
        recipe = counted_recipe(tmp_path / f"trial-{trial['trial']}")
        filters = [trial["first"], trial["second"], trial["third"]]
        assert list(recipe.architecture["filters"]) == filters
        assert recipe.epochs == 1
    best = (tmp_path / "best.toml").read_text()
    assert (
        best.startswith("# The best of 2 points")
        and f"learning_rate = {found['trials'][0]['learning_rate']}" in best
    )
    assert (tmp_path / "trials.csv").read_text().count("\n") == 3
