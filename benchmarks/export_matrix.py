"""Every architecture in all eight forms: size, agreement with Keras, accuracy lost, latency on one thread.

    python -m benchmarks.export_matrix [--only mlp,cnn] [--data DIR] [--seconds 60]    # agreement
    python -m benchmarks.export_matrix --time                                          # then, undisturbed

Each network is taught for a moment (see `taught`) and goes through `python -m export` as users type it. All
that is made stays in `runs/matrix/ARCHITECTURE/`: `model.keras`, `train.npz`, `test.npz`, and in
`out-FORMAT-KINDS/` the files with their `export_report.json`. What is there is not made again: remove it
for that.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.taught import MODEL, teach
from benchmarks.turns import medians
from hwr_edge.modelfile import sha256, write_json

RESULTS = Path(__file__).parent / "results" / "export_matrix.json"
KINDS = ("none", "fp16", "dynamic", "int8")
FORMATS = ("onnx", "tflite")
# Small ones first.
NAMES = ("mlp", "cnn", "rescnn", "edge", *(f"digits-cnn-{blocks}" for blocks in (1, 2, 3, 4)))
NAMES += ("resnet50", "xception", "vgg16-relu", "vgg16-selu")

Row = dict[str, Any]


def main(
    only: Annotated[str, typer.Option(help="architectures, by commas; all by default")] = "",
    data: Annotated[Path, typer.Option(help="folder of the data sets")] = Path("../shared/data"),
    runs: Annotated[Path, typer.Option(help="folder that keeps the work")] = Path("runs/matrix"),
    seconds: Annotated[float, typer.Option(help="how long each one is taught at most")] = 60,
    timed: Annotated[bool, typer.Option("--time", help="measure the latency of all files there")] = False,
    rounds: Annotated[int, typer.Option(help="turns that each file has when timed")] = 3,
    out: Annotated[Path, typer.Option("--json", help="where the rows go")] = RESULTS,
) -> None:
    """Measure, and write the rows; those of architectures not measured now are kept."""
    rows = json.loads(out.read_text("utf-8"))["files"] if out.exists() else []
    names = tuple(only.split(",")) if only else NAMES
    if timed:
        chosen = [row for row in rows if row["architecture"] in names and row["file"]]
        add_latency(chosen, runs, rounds)
        write(rows, out)
        return
    for name in names:
        if not (runs / name / MODEL).exists():
            teach(name, data, runs / name, seconds)
        found = [row for form in FORMATS for row in measure(name, form, runs)]
        rows = merged(rows, found)
        for row in found:
            print(json.dumps(row))
        write(rows, out)


def write(rows: list[Row], out: Path) -> None:
    """The table for the README, and what it was made from."""
    write_json(out, {"rows": table(rows), "files": rows})


def merged(rows: list[Row], found: list[Row]) -> list[Row]:
    """The rows found in place of the old ones; a file that is still the same keeps its latency."""
    old = {row["sha256"]: row for row in rows if row["file"]}
    for row in found:
        row |= {key: old.get(row["sha256"], {}).get(key) for key in ("ms", "speed-up")}
    names = {row["architecture"] for row in found}
    every = [row for row in rows if row["architecture"] not in names] + found
    return sorted(every, key=lambda row: NAMES.index(row["architecture"]))


def table(files: list[Row]) -> list[dict[str, str]]:
    """A line an architecture and format; a cell is size, agreement, accuracy lost in points, and latency."""
    lines: dict[tuple[str, str], dict[str, str]] = {}
    for file in files:
        key = (file["architecture"], file["format"])
        line = lines.setdefault(key, {"architecture": key[0], "format": key[1]})
        line[file["kind"]] = _cell(file)
    return list(lines.values())


def _cell(file: Row) -> str:
    if not file["file"]:
        return f"refused: {_few_words(file['why not'])}"
    parts = [f"{file['bytes'] / 1000:,.0f} KB", f"{file['agreement']:.1%}", f"{file['drop']:+.1f}"]
    return ", ".join([*parts, f"{file['ms']:.3f} ms"] if file["ms"] else parts)


def _few_words(message: str) -> str:
    """What is outside its limits in the first runtime that says so, without the names and the layers."""
    sentence = message.removeprefix("export: ").partition(". ")[0]
    return (sentence.partition(" images: ")[2] or sentence).partition("; in ")[0]


def measure(name: str, form: str, runs: Path) -> list[Row]:
    """A row a kind; where they do not pass together, each is tried alone and its row says why it fails."""
    failed: dict[str, str] = {}
    if not _reported(name, form, runs) and _export(form, KINDS, runs / name).returncode == 0:
        return measure(name, form, runs)
    for kind in KINDS:
        if kind not in _reported(name, form, runs):
            tried = _export(form, (kind,), runs / name)
            if tried.returncode:
                failed[kind] = tried.stderr.strip()
    found = _reported(name, form, runs)
    base = {"architecture": name, "format": form}
    empty = dict.fromkeys(("file", "bytes", "sha256", "agreement", "drop", "drop_ci95"))
    return [{**base, "kind": kind, **found.get(kind, empty), "why not": failed.get(kind)} for kind in KINDS]


def _reported(name: str, form: str, runs: Path) -> dict[str, Row]:
    """What the reports there say, by kind."""
    found: dict[str, Row] = {}
    for report in sorted((runs / name).glob(f"out-{form}-*/export_report.json")):
        for file in json.loads(report.read_text("utf-8"))["files"]:
            path, parity = report.parent / file["file"], file["parity"][0]
            found[file["kind"]] = {
                "file": str(path.relative_to(runs)),
                "bytes": file["bytes"],
                "sha256": sha256(path),
                "agreement": parity["agreement"],
                "drop": round(parity["drop"], 2),
                "drop_ci95": [round(bound, 2) for bound in parity["drop_interval"]],
            }
    return found


def _export(form: str, kinds: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    files = ["--check", str(folder / "test.npz"), "--calibration", str(folder / "train.npz")]
    sizes = ["--check-size", "500", "--calibration-size", "128"]
    options = ["--to", form, "--quant", ",".join(kinds), "-o", str(folder / f"out-{form}-{'-'.join(kinds)}")]
    return subprocess.run(
        [sys.executable, "-m", "export", str(folder / MODEL), *options, *files, *sizes],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


def add_latency(rows: list[Row], runs: Path, rounds: int) -> None:
    """Put the latency into the rows, and how much faster than the float32 file of the same format that is."""
    found = medians([runs / row["file"] for row in rows], rounds, seconds=1)
    plain = {
        (row["architecture"], row["format"]): found.get(runs / row["file"])
        for row in rows
        if row["kind"] == "none"
    }
    for row in rows:
        base, mine = plain.get((row["architecture"], row["format"])), found.get(runs / row["file"])
        row |= {"ms": mine, "speed-up": round(base / mine, 2) if base and mine else None}


if __name__ == "__main__":
    typer.run(main)
