"""What reading costs beyond the model itself: `python -m benchmarks.overhead [MODEL] [--check]`.

Each figure sets two things against each other that are measured in turns in the same run, on one thread;
medians throughout. Writes results/overhead.json; with `--check` a figure outside its limit ends with 4.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.draw_examples import Hand, Sheet, light, paint
from hwr_edge import Recognizer, models
from hwr_edge.errors import CheckFailed
from hwr_edge.image import to_batch
from hwr_edge.modelfile import write_json

RESULT = Path(__file__).parent / "results" / "overhead.json"
SENTENCES = "Bring the maths and tea The train left at night Rent paid again in May Dear Martha Meet Anna "

# The least a script can do to read one picture with the same model file.
SCRIPT = """
import sys
import cv2
import numpy as np
import onnxruntime
session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
grey = cv2.bitwise_not(cv2.imread(sys.argv[2], cv2.IMREAD_GRAYSCALE))
pixels = cv2.resize(grey, tuple(session.get_inputs()[0].shape[2:0:-1]), interpolation=cv2.INTER_AREA)
kind = np.uint8 if "uint8" in session.get_inputs()[0].type else np.float32
print(session.run(None, {"image": pixels[None, ..., None].astype(kind)})[0].argmax())
"""


def in_turns(runs: int, *calls: Callable[[], object]) -> list[float]:
    """Median seconds of each call; they take turns, so that a busy machine slows all alike."""
    for call in calls:
        call()
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(runs):
        for call, seen in zip(calls, times, strict=True):
            start = time.perf_counter()
            call()
            seen.append(time.perf_counter() - start)
    return [statistics.median(seen) for seen in times]


def bare(path: Path) -> Callable[[NDArray[np.uint8]], Any]:
    """The library's own call on a ready batch of one, nothing of ours around it."""
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        interpreter = Interpreter(str(path), num_threads=1)
        interpreter.allocate_tensors()
        here, there = (
            interpreter.get_input_details()[0]["index"],
            interpreter.get_output_details()[0]["index"],
        )

        def run(batch: NDArray[np.uint8]) -> Any:
            interpreter.set_tensor(here, batch)
            interpreter.invoke()
            return interpreter.get_tensor(there)

        return run
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    real = "float" in session.get_inputs()[0].type
    name = session.get_inputs()[0].name
    return lambda batch: session.run(None, {name: batch.astype(np.float32) if real else batch})


def row(what: str, value: float, unit: str, limit: float) -> dict[str, Any]:
    """One line of the table."""
    return {"what": what, "value": round(value, 3), "unit": unit, "limit": limit, "met": value <= limit}


def one_crop(path: Path, runtime: str) -> dict[str, Any]:
    """Microseconds that `predict_crops` adds to the bare call for one prepared crop."""
    reader = Recognizer(path, runtime, "cpu", 1)
    crop = np.random.default_rng(0).integers(0, 256, (40, 28), np.uint8)
    batch, call = to_batch([crop], reader.spec.input), bare(path)
    ours, theirs = in_turns(3000, lambda: reader.predict_crops([crop]), lambda: call(batch))
    return row(f"one crop above the bare call, {runtime}", 1e6 * (ours - theirs), "us", 60)


def many_crops(path: Path, runtime: str) -> dict[str, Any]:
    """256 crops against the bare batched call plus 15 microseconds a crop."""
    reader = Recognizer(path, runtime, "cpu", 1)
    crops = list(np.random.default_rng(0).integers(0, 256, (256, 40, 28), np.uint8))
    batch = to_batch(crops, reader.spec.input)
    ours, theirs = in_turns(40, lambda: reader.predict_crops(crops), lambda: reader.runtime.run(batch))
    return row(
        f"256 crops over the bare batch + 15 us each, {runtime}", ours / (theirs + 256 * 15e-6), "x", 1.1
    )


def process(path: Path, runtime: str, picture: Path, script: Path) -> dict[str, Any]:
    """`hwr-edge predict one.png` against the ten-line script, whole processes."""
    plain = path if path.suffix == ".onnx" else path.with_suffix(".onnx")
    entry = "import sys; from hwr_edge.cli import main; sys.exit(main())"  # what the installed command runs
    ours = [sys.executable, "-c", entry, "predict", str(picture), "-m", str(path), "--runtime", runtime]
    theirs = [sys.executable, str(script), str(plain), str(picture)]
    ours += ["--layout", "char", "--threads", "1"]
    mine, other = in_turns(21, *(lambda command=command: _run(command) for command in (ours, theirs)))
    return row(f"hwr-edge predict over a ten-line script, {runtime}", mine / other, "x", 1.4)


def helping() -> dict[str, Any]:
    """How many of the heavy libraries `hwr-edge --help` imports."""
    code = (
        "import sys; from hwr_edge.cli import main; main(['--help']); main(['predict', '--help']);"
        "sys.exit(len({'cv2', 'numpy', 'onnxruntime', 'ai_edge_litert', 'openvino'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False)
    return row("heavy libraries that --help imports", done.returncode, "", 0)


def page(path: Path, runtime: str) -> list[dict[str, Any]]:
    """A page of about 500 characters, 1600x1200."""
    reader = Recognizer(path, runtime, "cpu", 1)
    picture = full_page("a" in reader.spec.labels)
    found = reader.predict(picture, "page")
    (ours,) = in_turns(9, lambda: reader.predict(picture, "page"))
    crops = [np.full((40, 28), 255, np.uint8)] * len(found.characters)
    batch = to_batch(crops, reader.spec.input)
    (model,) = in_turns(9, lambda: reader.runtime.run(batch))
    what = f"page 1600x1200, {len(found.characters)} characters, {runtime}"
    return [row(what, 1e3 * ours, "ms", 150), row(f"{what}: the bare model alone", 1e3 * model, "ms", 150)]


def full_page(letters: bool = True) -> NDArray[np.uint8]:
    """Sixteen lines of about 31 letters, or digits, in blue ink, light falling from one side."""
    width, height, lines = 1600, 1200, 16
    sheet = Sheet(width, height, 21)
    for number in range(lines):
        at = 31 * number % len(SENTENCES)
        text = (SENTENCES * 2)[at : at + 38].strip()
        if not letters:
            text = "".join(character if character == " " else str(ord(character) % 10) for character in text)
        sheet.write(text, 70, 96 + number * 68, Hand(size=38, pen=2.8, slant=0.12, gap=18))
    return light(paint(sheet.done(), (222, 231, 238), (112, 52, 38), 5), 1.0, 0.8, 5)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        raise CheckFailed(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")


def measure(model: str) -> list[dict[str, Any]]:
    """All figures for a bundled name, in the runtimes that read it fastest, or for one .onnx file."""
    cv2.setNumThreads(1)
    os.environ["OMP_NUM_THREADS"] = "1"
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        script, picture = Path(name, "script.py"), Path(name, "one.png")
        script.write_text(SCRIPT, encoding="utf-8")
        sheet = Sheet(160, 160, 3)
        sheet.write("4", 50, 120, Hand(size=80, pen=4.0))
        cv2.imwrite(str(picture), light(paint(sheet.done(), (226, 234, 236), (60, 50, 40), 3), 1, 0.9, 3))
        for runtime in ("litert", "onnxruntime"):
            if runtime == "litert" and model.endswith(".onnx"):
                continue
            path = models.find(model, runtime)[0]
            rows += [one_crop(path, runtime), many_crops(path, runtime)]
            rows += [process(path, runtime, picture, script), *page(path, runtime)]
    return [*rows, helping()]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="latin62")
    parser.add_argument("--check", action="store_true", help="end with 4 where a limit is exceeded")
    args = parser.parse_args()
    rows = measure(args.model)
    for line in rows:
        print(
            f"{line['what']:<60}{line['value']:>10.3f} {line['unit']:<3} limit {line['limit']:g}"
            f"{'' if line['met'] else '  EXCEEDED'}"
        )
    if args.model == "latin62":
        RESULT.parent.mkdir(exist_ok=True)
        write_json(RESULT, rows)
    if args.check and not all(line["met"] for line in rows):
        sys.exit(CheckFailed.exit_code)


if __name__ == "__main__":
    main()
