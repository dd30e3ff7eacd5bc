"""Every form of every model in every runtime on this machine: `python -m benchmarks.runtimes [MODEL...]`.

Without MODEL the bundled ones, and after them the papers' architectures (`benchmarks.architectures`) where
their exported files are. Writes results/runtimes-MACHINE.json, the kind of file that `hwr-edge benchmark
--save` writes, then results/runtimes.json, the table of all machines so far, and refills README.md.

Accuracy is that on pictures never trained on, where the folder of data holds them; else answers are judged by
their agreement with the float model on drawings. Measure on a quiet machine.
"""

import argparse
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import Any

import cv2

from benchmarks import architectures, machines
from benchmarks.kept_out import CHARS74K, KEPT_OUT, MNIST, Labelled
from benchmarks.lines import DATA
from hwr_edge import models
from hwr_edge.bench import advice, plan, session
from hwr_edge.bench.plan import Settings
from hwr_edge.bench.timing import Budget
from hwr_edge.modelfile import write_json

SAMPLE = 2000


def untouched(model: str, data: Path) -> Labelled:
    """Pictures that a bundled model never saw; none for hangul, which was trained on all there are."""
    if model == "latin62":
        return KEPT_OUT[CHARS74K](data)
    if model == "digits":
        return islice(KEPT_OUT[MNIST](data), SAMPLE)
    return []


def folder_of(labelled: Labelled, folder: Path) -> Path | None:
    """The pictures as files in folders named by code point, None where there are none."""
    count = 0
    for count, (picture, label) in enumerate(labelled, 1):
        place = folder / f"U+{ord(label):04X}"
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{count}.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return folder if count else None


def measure(model: str, data: Path | None, settings: Settings) -> dict[str, Any]:
    """One model in all its forms, or one folder, as `hwr-edge benchmark` measures it."""
    with tempfile.TemporaryDirectory() as name:
        shown = folder_of(untouched(model, data), Path(name)) if data else None
        chosen = plan.candidates(plan.files([model]), [], [], "auto")
        found = session.benchmark(chosen, settings, shown, lambda step: print(step, file=sys.stderr))
    found["data"] = {"latin62": "Chars74K 046-055", "digits": "MNIST test"}[model] if shown else found["data"]
    return found


def joined(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Several runs as one."""
    rows = [row for run in runs for row in run["results"]]
    return runs[0] | {
        "seconds": sum(run["seconds"] for run in runs),
        "partial": any(run["partial"] for run in runs),
        "data": "; ".join(dict.fromkeys(run["data"] for run in runs)),
        "notes": list(dict.fromkeys(note for run in runs for note in run["notes"])),
        "gemm_macs_per_second": {k: v for run in runs for k, v in run["gemm_macs_per_second"].items()},
        "advice": advice.sentence(rows),
        "results": rows,
    }


def line(row: dict[str, Any], machine: str) -> dict[str, Any]:
    """One line of the README's table."""
    latency, work = row["latency_ms"], row["macs_per_second"]
    frame, accuracy = row["from_frame_ms"], row["accuracy"]
    given = accuracy if accuracy and not accuracy["drawn"] else None
    rates = [found["per_second"] for found in row["batches"].values() if found]
    return {
        "machine": machine,
        "file": row["file"],
        "runtime": row["runtime"],
        "p50 ms": round(latency["p50"], 4),
        "p99 ms": round(latency["p99"], 4),
        "frame to text ms": round(frame["p50"], 3) if frame else None,
        "a second": round(max(rates)),
        "start ms": round(row["import_ms"] + row["load_ms"] + row["first_ms"]),
        "peak MiB": round(row["memory_mib"]["peak"]) if row["memory_mib"]["peak"] else None,
        "GMAC/s": round(work / 1e9, 1) if work else None,
        "accuracy": round(given["value"], 4) if given else None,
        "agrees": round(row["agreement"]["value"], 4) if row["agreement"] else None,
    }


def table(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of all machines measured so far."""
    return [line(row, machines.short(run)) for run in runs for row in run["results"] if row["status"] == "ok"]


def main() -> None:
    """Measure, write, refill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", help="names, files or folders; the bundled models by default")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real data")
    parser.add_argument("--architectures", type=Path, default=architectures.FOLDER, help="exported files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--max-seconds", type=float, default=20.0)
    parser.add_argument("--results", type=Path, default=machines.RESULTS, help="folder to write to")
    args = parser.parse_args()
    settings = Settings(Budget(args.runs, 1.0, args.max_seconds), rounds=args.rounds)
    data = args.data if args.data.is_dir() else None
    if data is None:
        print(f"{args.data} is not there: nothing is said of accuracy", file=sys.stderr)
    found = joined([measure(model, data, settings) for model in args.models or models.names()])
    print(f"{machines.write(found, 'runtimes', args.results)}\n{found['advice']}")
    rows = table(machines.read("runtimes", args.results))
    write_json(args.results / "runtimes.json", rows)
    if not args.models and args.architectures.is_dir():
        print(architectures.run(args.architectures, args.results))
    elif not args.models:
        print(f"{args.architectures} is not there: the architectures are left out", file=sys.stderr)
    machines.refill(args.results)


if __name__ == "__main__":
    main()
