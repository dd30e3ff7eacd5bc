"""The papers' architectures in every form and runtime: `python -m benchmarks.architectures [FOLDER]`.

FOLDER holds what `python -m benchmarks.export_matrix` makes: `ARCHITECTURE/out-*/` with the exported files.
Writes results/architectures-MACHINE.json, the kind of file that `hwr-edge benchmark --save` writes, and
results/architectures.json, a line an architecture: the milliseconds of each form in the runtime that is
fastest there. Their weights were taught for a moment only, so answers are judged by agreement with the
float model. Time for the large ones is short: their medians come from tens of calls, not thousands.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks import machines
from hwr_edge import runtimes
from hwr_edge.bench import plan, session
from hwr_edge.bench.plan import Settings
from hwr_edge.bench.timing import Budget
from hwr_edge.errors import DataError
from hwr_edge.modelfile import write_json

FOLDER = Path("runs/matrix")
FORMS = tuple(
    f"{kind}{suffix}" for suffix in ("onnx", "tflite") for kind in ("", "fp16.", "dynamic.", "int8.")
)
SHORT = {"onnxruntime": "ort", "openvino": "ov", "opencv": "cv", "litert": "lite"}
SETTINGS = Settings(
    Budget(600, 0.2, 0.6),
    warmup=3,
    rounds=2,
    batches=(1, 8),
    scenarios=("single", "multi"),
    total_seconds=540,
)


def files(folder: Path) -> list[Path]:
    """The exported files; of several of one name, from attempts of their own, the last counts.

    Raises:
        DataError: there are none.
    """
    inside = sorted(path for path in folder.glob("*/out-*/*") if path.suffix in runtimes.SUFFIXES)
    if not inside:
        raise DataError(f"{folder} holds no exported architectures: python -m benchmarks.export_matrix")
    return list({path.name: path for path in inside}.values())


def measure(folder: Path, settings: Settings) -> dict[str, Any]:
    """All files in turn on one thread, as `hwr-edge benchmark` measures them."""
    chosen = plan.candidates(files(folder), [], [1], "cpu")
    found = session.benchmark(chosen, settings, None, lambda step: print(step, file=sys.stderr))
    # They know the same ten digits but were taught to no purpose: which to ship is not the question.
    return found | {"advice": ""}


def table(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A line a machine and architecture."""
    return [
        _line(run, [row for row in run["results"] if row["model"] == model])
        for run in runs
        for model in dict.fromkeys(row["model"] for row in sorted(run["results"], key=_work))
    ]


def _work(row: dict[str, Any]) -> int:
    return row["macs"] or 0


def _line(run: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The fastest runtime of each form; empty where the form does not exist, "fails" where none runs it."""
    line = {
        "machine": machines.short(run),
        "architecture": rows[0]["model"],
        "MMAC": round(max(map(_work, rows)) / 1e6, 2),
    }
    for form in FORMS:
        mine = [row for row in rows if row["file"] == f"{row['model']}.{form}"]
        done = [row for row in mine if row["status"] == "ok"]
        best = min(done, key=lambda row: row["latency_ms"]["p50"], default=None)
        text = (
            f"{best['latency_ms']['p50']:.3g} {SHORT.get(best['runtime'], best['runtime'])}" if best else ""
        )
        line[form] = text or ("fails" if mine else None)
    return line


def run(folder: Path, results: Path) -> Path:
    """Measure and write; returns the file of this machine.

    Raises:
        DataError: the folder holds no exported files.
        SystemExit: it was interrupted, and nothing was written.
    """
    path = machines.write(measure(folder, SETTINGS), "architectures", results)
    rows = table(machines.read("architectures", results))
    write_json(results / "architectures.json", rows)
    return path


def main() -> None:
    """Measure, write, refill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=FOLDER)
    parser.add_argument("--results", type=Path, default=machines.RESULTS, help="folder to write to")
    args = parser.parse_args()
    print(run(args.folder, args.results))
    machines.refill(args.results)


if __name__ == "__main__":
    main()
