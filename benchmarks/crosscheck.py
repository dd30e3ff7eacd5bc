"""Our medians against a bare loop around the library's own call: `python -m benchmarks.crosscheck [--check]`.

The bare loop is a script of its own that knows nothing of hwr-edge; both run on the same core, in turns.
Writes results/crosscheck.json; with `--check` a ratio further than a tenth from 1 ends with 4.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hwr_edge import models
from hwr_edge.bench import plan, run, shown, summary
from hwr_edge.bench.plan import Settings
from hwr_edge.bench.timing import Budget
from hwr_edge.errors import CheckFailed
from hwr_edge.modelfile import write_json

RESULT = Path(__file__).parent / "results" / "crosscheck.json"
LIMIT = 0.1

BARE = """
import os, sys, time
import numpy
os.sched_setaffinity(0, {int(sys.argv[2])})
runs = int(sys.argv[3])
if sys.argv[1].endswith(".onnx"):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
    given = session.get_inputs()[0]
    crop = numpy.full((1, *given.shape[1:]), 128, numpy.uint8)
    call = lambda: session.run(None, {given.name: crop})
else:
    from ai_edge_litert.interpreter import Interpreter
    interpreter = Interpreter(sys.argv[1], num_threads=1)
    interpreter.allocate_tensors()
    given, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    crop = numpy.full(given["shape"], 128, numpy.uint8)
    def call():
        interpreter.set_tensor(given["index"], crop)
        interpreter.invoke()
        interpreter.get_tensor(answer)
for _ in range(20):
    call()
times = []
for _ in range(runs):
    start = time.perf_counter()
    call()
    times.append(time.perf_counter() - start)
print(1e3 * sorted(times)[runs // 2])
"""


def check(candidate: plan.Candidate, rounds: int, runs: int) -> dict[str, Any]:
    """One file in one runtime, both ways in turns; medians of the medians, in microseconds."""
    settings = Settings(Budget(runs, 0, 20), rounds=1, batches=(1,), scenarios=("single",))
    bare, ours = [], []
    with tempfile.TemporaryDirectory() as name:
        case = {candidate: shown.Showcase(Path(name)).of(candidate.path)}
        for _ in range(rounds):
            command = [sys.executable, "-c", BARE, str(candidate.path), str(plan.cores()[0]), str(runs)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            bare.append(1e3 * float(done.stdout))
            (facts,) = run.measure([candidate], settings, case, lambda _: None).facts[candidate]
            times = [1e-3 * value / facts["calls_per_sample"] for value in facts["samples_ns"]]
            ours.append(summary.median(times))
    ratio = statistics.median(ours) / statistics.median(bare)
    return {
        "file": candidate.path.name,
        "runtime": candidate.runtime,
        "ours us": round(statistics.median(ours), 2),
        "bare us": round(statistics.median(bare), 2),
        "ratio": round(ratio, 3),
        "met": abs(ratio - 1) <= LIMIT,
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="end with 4 where a ratio is off")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--runs", type=int, default=2000)
    args = parser.parse_args()
    files = [path for name in models.names() for path in models.forms(name)]
    chosen = plan.candidates(files, ["onnxruntime", "litert"], [1], "cpu")
    rows = [check(candidate, args.rounds, args.runs) for candidate in chosen]
    for row in rows:
        print(*row.values(), sep="\t")
    write_json(RESULT, rows)
    if args.check and not all(row["met"] for row in rows):
        sys.exit(CheckFailed.exit_code)


if __name__ == "__main__":
    main()
