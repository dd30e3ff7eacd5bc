"""What int8 costs and gains the models that ship: accuracy lost, size, speed, each against float32.

    python -m benchmarks.shipped [--data DIR]           # accuracy and sizes
    python -m benchmarks.shipped --time                 # then, undisturbed: speed too

Accuracy is that of the files' first answers on pictures never trained on, cut as the reader cuts single
characters; `hangul` was trained on all there are and is shown those. Each int8 file is timed beside the
float32 file of its own format. Of TFLite none ships: `python -m export` leaves it in `runs/export-MODEL/`.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from benchmarks.kept_out import CHARS74K, KEPT_OUT, MNIST, PAPER_CROPS, Labelled
from benchmarks.turns import medians
from hwr_edge import models
from hwr_edge.comparison import paired_difference
from hwr_edge.image import to_batch
from hwr_edge.ink import Pixels, char_crop
from hwr_edge.modelfile import read_spec, sha256, write_json
from hwr_edge.runtimes import open_runtime
from hwr_edge.spec import ModelSpec
from train.datasets import pictures

RESULTS = Path(__file__).parent / "results" / "shipped.json"
PARTS: dict[str, dict[str, Callable[[Path], Labelled]]] = {
    "latin62": {name: KEPT_OUT[name] for name in (CHARS74K, PAPER_CROPS)},
    "digits": {MNIST: KEPT_OUT[MNIST]},
    "hangul": {"Hangul, trained on": lambda data: pictures(data, "hangul", "all")},
}
MOST_LOST, MOST_BYTES, LEAST_FASTER = 0.3, 0.30, 1.5  # points, share of float32's bytes, times

Row = dict[str, Any]


def main(
    data: Annotated[Path, typer.Option(help="folder of the data sets")] = Path("../shared/data"),
    exports: Annotated[Path, typer.Option(help="folder of the folders export-MODEL")] = Path("runs"),
    timed: Annotated[bool, typer.Option("--time", help="measure the speed too")] = False,
    rounds: Annotated[int, typer.Option(help="turns that each file has when timed")] = 5,
    out: Annotated[Path, typer.Option("--json", help="where the rows go")] = RESULTS,
) -> None:
    """Measure, print, write; a speed not measured now is kept while its file has the same hash."""
    old = json.loads(out.read_text("utf-8"))["files"] if out.exists() else []
    if timed:
        rows = old
        if not rows or any(row["sha256"] != sha256(models.FOLDER / row["file"]) for row in rows):
            sys.exit("these models' accuracy was not measured yet: leave out --time first")
        add_speed(rows, exports, rounds)
    else:
        speed = {row["sha256"]: row["times as fast"] for row in old}
        rows = [row for model in PARTS for row in measure(model, data)]
        for row in rows:
            row["times as fast"] = speed.get(row["sha256"])
    for row in rows:
        row["met"] = met(row)
        print(json.dumps(row))
    write_json(out, {"rows": [shown(row) for row in rows], "files": rows})


def measure(model: str, data: Path) -> list[Row]:
    """A row for each part of the data and int8 file, then for each file over all parts together."""
    plain, *small = sorted(models.forms(model), key=lambda path: ".int8." in path.name)
    rights: dict[str, dict[Path, NDArray[np.bool_]]] = {}
    for title, load in PARTS[model].items():
        crops, truth = _cut(load(data), read_spec(plain))
        rights[title] = {path: _right(path, crops, truth) for path in (plain, *small)}
    if len(rights) > 1:
        rights["all of these"] = {
            path: np.concatenate([right[path] for right in rights.values()]) for path in (plain, *small)
        }
    return [
        _row(title, path, right[plain], right[path], plain)
        for title, right in rights.items()
        for path in small
    ]


def _row(title: str, path: Path, base: NDArray[np.bool_], right: NDArray[np.bool_], plain: Path) -> Row:
    lost, low, high = (round(100 * share, 2) + 0.0 for share in paired_difference(base, right))
    return {
        "file": path.name,
        "pictures": title,
        "n": len(right),
        "float32": round(float(base.mean()), 4),
        "int8": round(float(right.mean()), 4),
        "points lost": lost,
        "ci95": [low, high],
        "sha256": sha256(path),
        "bytes": path.stat().st_size,
        "of float32": round(path.stat().st_size / plain.stat().st_size, 3),
    }


def _cut(labelled: Labelled, spec: ModelSpec) -> tuple[Pixels, NDArray[np.int64]]:
    """A model's input of each picture, and its class; -1 for one without ink, which no file reads."""
    cut = [(char_crop(image), label) for image, label in labelled]
    patches = [np.zeros((1, 1), np.uint8) if one is None else one.patch for one, _ in cut]
    truth = [-1 if one is None else spec.labels.index(label) for one, label in cut]
    return to_batch(patches, spec.input), np.array(truth)


def shown(row: Row) -> Row:
    """What of a row the README shows."""
    return {key: value for key, value in row.items() if key != "sha256"}


def add_speed(rows: list[Row], exports: Path, rounds: int) -> None:
    """How many times as fast each int8 file is as the float32 file of its format, None without that one."""
    pairs = {}
    for name in {row["file"] for row in rows}:
        model, _, suffix = name.split(".")
        shipped = models.FOLDER / f"{model}.{suffix}"
        plain = shipped if shipped.exists() else exports / f"export-{model}" / shipped.name
        if plain.exists():
            _hold_alike(plain, models.FOLDER / f"{model}.onnx")
            pairs[name] = (plain, models.FOLDER / name)
    found = medians([path for pair in pairs.values() for path in pair], rounds, seconds=1)
    for row in rows:
        pair = pairs.get(row["file"])
        row["times as fast"] = round(found[pair[0]] / found[pair[1]], 2) if pair else None


def met(row: Row) -> str:
    """Which aims a row reaches, and which not; speed counts in the better runtime, so one row may miss it."""
    aims = {
        "accuracy": row["points lost"] <= MOST_LOST,
        "size": row["of float32"] <= MOST_BYTES,
        "speed": row["times as fast"] and row["times as fast"] >= LEAST_FASTER,
    }
    return ", ".join(
        name if reached else f"not {name}" for name, reached in aims.items() if reached is not None
    )


def _hold_alike(plain: Path, shipped: Path) -> None:
    """Both must be the same network, or a ratio of their times would mean nothing."""
    spec = read_spec(shipped)
    noise = np.random.default_rng(0).integers(
        0, 256, (4, spec.input.height, spec.input.width, spec.input.channels), np.uint8
    )
    answers = [open_runtime(path, device="cpu", threads=1).run(noise) for path in (plain, shipped)]
    if answers[0].shape != answers[1].shape or np.abs(answers[0] - answers[1]).max() > 1e-3:
        sys.exit(f"{plain} is not the model in {shipped.name}: export that one again")


def _right(path: Path, crops: Pixels, truth: NDArray[np.int64]) -> NDArray[np.bool_]:
    runtime = open_runtime(path, device="cpu", threads=1)
    parts = np.split(crops, range(256, len(crops), 256))
    right: NDArray[np.bool_] = np.concatenate([runtime.run(part) for part in parts]).argmax(1) == truth
    return right


if __name__ == "__main__":
    typer.run(main)
