"""Accuracy of the bundled int8 files on untouched test pictures, through `Recognizer` itself.

    python -m benchmarks.figures [--data DIR] [--folds runs/hangul-folds] [--json FILE]

The parts tested were never trained or selected on: Chars74K volunteers 046-055, paper crops 60-74, MNIST's
test images, and for Hangul the group that each of four models (exported as the bundled one is) left out.
"""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from benchmarks.kept_out import CHARS74K, KEPT_OUT, MNIST, PAPER_CROPS, Labelled
from hwr_edge import Recognizer
from hwr_edge.metrics import calibration_error, wilson_interval
from hwr_edge.modelfile import write_json
from hwr_edge.models import find
from train.datasets import pictures

RESULTS = Path(__file__).parent / "results" / "figures.json"
SIZE_LIMIT = 400_000


def answers(reader: Recognizer, labelled: Labelled) -> list[tuple[str, str, float]]:
    """Read each picture as one character: (truth, answer, confidence); a blank answers ""."""
    rows = []
    for image, truth in labelled:
        read = reader.predict(image, layout="char")
        rows.append((truth, read.text, read.confidence))
    return rows


def figures(
    model: str, data_name: str, rows: list[tuple[str, str, float]], targets: dict[str, float]
) -> list[dict[str, Any]]:
    """One entry a metric, in the shape that the README tables are made from."""
    exact = np.array([truth == answer for truth, answer, _ in rows])
    folded = np.array([truth.lower() == answer.lower() for truth, answer, _ in rows])
    confidence = np.array([row[2] for row in rows])
    base = {"model": model, "data": data_name, "n": len(rows)}
    shares = {"exact": exact} | ({"ignoring case": folded} if "ignoring case" in targets else {})
    found = [
        {
            **base,
            "metric": metric,
            "value": round(float(right.mean()), 4),
            "ci95": [round(bound, 4) for bound in wilson_interval(int(right.sum()), len(rows))],
            "target": targets.get(metric),
        }
        for metric, right in shares.items()
    ]
    error = round(calibration_error(confidence, exact), 4)
    return [*found, {**base, "metric": "calibration error", "value": error, "ci95": None, "target": None}]


def hangul_folds(data: Path, folder: Path) -> list[dict[str, Any]]:
    """Each fold's int8 file on the group it left out; the mean over groups is the figure."""
    shares, right, total = [], 0, 0
    for group in range(4):
        file = folder / f"fold-{group}" / "hangul.int8.tflite"
        rows = answers(Recognizer(file), pictures(data, "hangul", f"group-{group}"))
        hits = sum(truth == answer for truth, answer, _ in rows)
        shares.append(hits / len(rows))
        right, total = right + hits, total + len(rows)
    low, high = wilson_interval(right, total)
    return [
        {
            "model": "hangul",
            "data": "leave-one-group-out, groups " + ", ".join(f"{share:.4f}" for share in shares),
            "metric": "mean exact",
            "value": round(float(np.mean(shares)), 4),
            "n": total,
            "ci95": [round(low, 4), round(high, 4)],
            "target": 0.985,
        }
    ]


def sizes() -> list[dict[str, Any]]:
    """Bytes of each int8 file."""
    rows = []
    for model in ("latin62", "digits", "hangul"):
        for runtime in ("litert", "onnxruntime"):
            path, _ = find(model, runtime)
            size = path.stat().st_size
            row = {"model": model, "data": path.name, "n": 1, "metric": "bytes", "value": size}
            rows.append({**row, "ci95": None, "target": SIZE_LIMIT})
    return rows


def main(
    data: Annotated[Path, typer.Option(help="folder of the data sets")] = Path("../shared/data"),
    folds: Annotated[Path | None, typer.Option(help="folder of the exported Hangul folds")] = None,
    runtime: Annotated[str, typer.Option(help="runtime that reads")] = "litert",
    out: Annotated[Path, typer.Option("--json", help="where the figures go")] = RESULTS,
) -> None:
    """Measure, print, and write the figures; those of a part not measured now are kept."""
    latin, digits = Recognizer("latin62", runtime), Recognizer("digits", runtime)
    targets = {"exact": 0.86, "ignoring case": 0.925}
    rows = figures("latin62", CHARS74K, answers(latin, KEPT_OUT[CHARS74K](data)), targets)
    targets = {"exact": 0.84, "ignoring case": 0.93}
    rows += figures("latin62", PAPER_CROPS, answers(latin, KEPT_OUT[PAPER_CROPS](data)), targets)
    rows += figures("digits", MNIST, answers(digits, KEPT_OUT[MNIST](data)), {"exact": 0.994})
    if folds:
        rows += hangul_folds(data, folds)
    elif out.exists():
        old = json.loads(out.read_text("utf-8"))
        rows += [row for row in old if row["model"] == "hangul" and row["metric"] != "bytes"]
    rows += sizes()
    for row in rows:
        name = f"{row['model']:8} {row['data'][:60]:60} {row['metric']:18}"
        print(name, f"{row['value']:>10}", row["target"] or "")
    write_json(out, rows)
    print(f"written to {out}", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)
