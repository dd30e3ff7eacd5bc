"""Recognition quality of the bundled models: `python -m benchmarks.quality [what ...] [--data DIR]`.

- characters: each test set never trained on, read one picture a character by the float32 file and by the
  int8 file: exact, ignoring case, look-alikes merged (`hwr_edge.lookalikes`), all against what the most exact
  peer reached (`benchmarks.peers`), and the expected calibration error, beside what perfect calibration
  stays under 19 times in 20 with so few pictures. Writes `results/quality.json`, `results/classes.json` for
  the model cards, and contact sheets of the worst errors as `runs/worst-*.png`: those show the data's own
  pictures and are no part of the project.
- refusals: `benchmarks.refusals`, what is no character and must be refused. Writes `results/refusals.json`.
- segmentation: `benchmarks.segmentation`, touching and ruled writing. Writes `results/segmentation.json`.
- surroundings: `benchmarks.surroundings`, characters in bad light, boxes, on a desk. Writes
  `results/surroundings.json`.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

from benchmarks import refusals, segmentation, surroundings
from benchmarks.kept_out import CHARS74K, KEPT_OUT, MNIST, PAPER_CROPS
from benchmarks.pages import grid_cells
from benchmarks.refusals import FORMS, readers_of
from hwr_edge.cli.output import Progress
from hwr_edge.dataset import Labelled
from hwr_edge.evaluation.drawing import Mistake, contact_sheet
from hwr_edge.evaluation.reading import Run, Wish, read
from hwr_edge.evaluation.report import report
from hwr_edge.ink import Pixels
from hwr_edge.modelfile import sha256, write_atomic, write_json
from hwr_edge.models import FOLDER, names

RESULTS = Path(__file__).parent / "results"
SHEETS = Path("runs")
ECE, BY_CHANCE = "calibration error", "calibration error by chance, 95 %"

Row = dict[str, Any]


@dataclass(frozen=True)
class Test:
    """One test set.

    Attributes:
        key: in file names, and in `benchmarks.peers` where it is measured there.
        model: the bundled model that reads it.
        data: what to call it.
        load: folder of the data sets -> pictures and labels.
        wanted: the least share by metric.
    """

    key: str
    model: str
    data: str
    load: Callable[[Path], Iterable[tuple[Pixels, str]]]
    wanted: dict[str, float] = field(default_factory=dict)


def _single_digits(data: Path) -> Iterator[tuple[Pixels, str]]:
    return ((cell, str(value)) for cell, value in grid_cells(data) if 1 <= value <= 9)


TESTS = (
    Test(
        "chars74k",
        "latin62",
        CHARS74K,
        KEPT_OUT[CHARS74K],
        {"exact": 0.89, "ignoring case": 0.945, "look-alikes merged": 0.97},
    ),
    Test(
        "paper-crops",
        "latin62",
        PAPER_CROPS,
        KEPT_OUT[PAPER_CROPS],
        {"exact": 0.88, "ignoring case": 0.955, "look-alikes merged": 0.98},
    ),
    Test("mnist", "digits", MNIST, KEPT_OUT[MNIST], {"exact": 0.9965}),
    Test("digit-grid", "digits", "cells of number grids", _single_digits, {"exact": 0.985}),
)
_METRICS = {
    "exact": "accuracy",
    "ignoring case": "ignoring_case",
    "look-alikes merged": "merged_lookalikes",
}
_MOST_ERROR = 0.03  # expected calibration error wanted everywhere


def characters(data: Path, limit: int | None = None) -> list[Row]:
    """The table; the classes and the contact sheets are written on the way unless there is a limit."""
    rows, classes = [], {}
    peers = best_peers(RESULTS / "peers.json")
    for test in TESTS:
        run = measured(test, data, limit)
        found = report(run, test.data)
        rows += table(test, found, peers.get(test.key))
        classes[test.key] = {
            "model": test.model,
            "data": test.data,
            "sha256": found["models"][-1]["sha256"],
            **{name: found["models"][-1][name] for name in ("figures", "classes", "confusions")},
        }
        if not limit:
            _write_sheet(test, run)
    if not limit:
        write_json(RESULTS / "classes.json", classes)
    return rows


def measured(test: Test, data: Path, limit: int | None = None) -> Run:
    """Every picture of a test set read by both forms of its model; the first ones where there is a limit."""
    readers = list(readers_of(test.model).values())
    # Encoded, for some hundred photographs do not fit into the memory of a small machine.
    shown = [
        Labelled(f"{test.key}[{at}]", label, cv2.imencode(".png", image)[1].tobytes())
        for at, (image, label) in enumerate(islice(test.load(data), limit))
    ]
    progress = Progress(len(shown), sys.stderr.isatty())
    run = read(shown, readers, Wish(), step=progress.step)
    progress.clear()
    return run


def table(test: Test, found: Row, peer: Row | None) -> list[Row]:
    """One row a metric, from a report of both forms."""
    float32, int8 = (model["figures"] for model in found["models"])
    cased = "ignoring case" in test.wanted
    base = {"model": test.model, "data": test.data, "n": found["data"]["n"]}
    rows: list[Row] = [
        {
            **base,
            "metric": metric,
            "float32": round(float32[key]["value"], 4),
            "int8": round(int8[key]["value"], 4),
            "int8 ci95": [round(bound, 4) for bound in int8[key]["ci95"]],
            "wanted": test.wanted.get(metric),
            "best peer": f"{peer[metric]:.3f} ({peer['reader']})" if peer and metric in peer else "",
        }
        for metric, key in _METRICS.items()
        if cased or metric == "exact"
    ]
    return rows + [
        {
            **base,
            "metric": metric,
            **_both(key, float32, int8),
            "int8 ci95": None,
            "wanted": wanted,
            "best peer": "",
        }
        for metric, key, wanted in (
            (ECE, "calibration_error", _MOST_ERROR),
            (BY_CHANCE, "calibration_by_chance", None),
        )
    ]


def _both(key: str, *figures: Row) -> Row:
    """A figure that is a plain number, of both forms."""
    return {form: round(figure[key], 4) for form, figure in zip(FORMS, figures, strict=True)}


def best_peers(path: Path) -> dict[str, Row]:
    """The most exact other reader of each set of pictures; nothing where they were not measured."""
    if not path.exists():
        return {}
    rows = json.loads(path.read_text("utf-8"))["rows"]
    others = [row for row in rows if row["reader"] != "hwr-edge"]
    return {row["pictures"]: row for row in sorted(others, key=lambda row: float(row["exact"]))}


def _write_sheet(test: Test, run: Run) -> None:
    wrong = [
        Mistake(picture, answer)
        for picture, answer in zip(run.pictures, run.readings[-1].answers, strict=True)
        if answer.text != picture.label
    ]
    sheet = contact_sheet(wrong, {})
    if sheet is not None:
        SHEETS.mkdir(exist_ok=True)
        write_atomic(SHEETS / f"worst-{test.key}.png", sheet)


PARTS: dict[str, tuple[str, Callable[..., list[Row]]]] = {
    "characters": ("quality", characters),
    "refusals": ("refusals", refusals.measure),
    "segmentation": ("segmentation", segmentation.measure),
    "surroundings": ("surroundings", surroundings.measure),
}


def main(
    what: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(PARTS)}; all by default")] = None,
    data: Annotated[Path, typer.Option(help="folder of the data sets")] = Path("../shared/data"),
    limit: Annotated[
        int | None, typer.Option(min=2, help="pictures of each set, for a quick look; nothing is written")
    ] = None,
) -> None:
    """Measure, print, and write the results."""
    chosen = what or list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        raise typer.BadParameter(f"no part {unknown[0]!r}: choose from {', '.join(PARTS)}")
    cv2.setNumThreads(1)
    files = {name: sha256(FOLDER / f"{name}{FORMS['int8']}") for name in names()}
    for name in chosen:
        file, part = PARTS[name]
        rows = part(data, limit)
        for row in rows:
            print("  ".join(f"{value}" for value in row.values()), flush=True)
        if not limit:
            write_json(RESULTS / f"{file}.json", {"rows": rows, "sha256": files})


if __name__ == "__main__":
    typer.run(main)
