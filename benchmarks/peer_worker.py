"""Reads pictures with one reader and says what that cost; `benchmarks.peers` runs it.

    python peer_worker.py READER TASK LIST

LIST is a file with the path of a picture a line. Out comes one line of JSON: `texts`, one a picture;
`seconds` for all pictures but the first, which warms up; `peak_mb`. It imports nothing of this project but
for our own reader, so that it runs in an environment that has only the reader asked for. Everyone is given
one processor: each library then starts one thread of its own accord. Everyone gets all paths at once, and
reads them in batches where it can: ours and rapidocr's recognition; tesseract takes a list of files.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

Read = Callable[[Sequence[str]], list[str]]  # paths to texts
Answers = tuple[list[str], float, float]  # texts, seconds, megabytes

DIGITS = "0123456789"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
# What may be written on the pictures of a task; every reader is told.
CHARSETS = {"character": DIGITS + UPPER + UPPER.lower(), "amount": DIGITS, "card": UPPER}

_TESSERACT_MODES = {"character": "10", "amount": "7", "card": "11"}  # one character, one line, sparse text


def hwr_edge(task: str) -> Read:
    """Ours, as the command line would read such pictures."""
    from hwr_edge import Recognizer

    reader = Recognizer("digits" if task == "amount" else "latin62")
    layout = {"character": "char", "amount": "word", "card": "page"}[task]
    charset = "upper" if task == "card" else None
    return lambda paths: [one.text for one in reader.predict_many(paths, layout, charset=charset)]


def rapidocr(task: str) -> Read:
    """Recognition alone on characters and lines, in batches of its own size; with detection on cards."""
    from rapidocr_onnxruntime import RapidOCR

    engine = RapidOCR()

    def read_card(path: str) -> str:
        return "\n".join(text for _, text, _ in engine(path)[0] or [])

    def read_batch(paths: Sequence[str]) -> list[str]:
        pictures = [engine.preprocess(engine.load_img(path))[0] for path in paths]
        return [text for text, _ in engine.text_rec(pictures)[0]]

    if task == "card":
        return lambda paths: [read_card(path) for path in paths]
    size = engine.text_rec.rec_batch_num
    return lambda paths: [
        text for at in range(0, len(paths), size) for text in read_batch(paths[at : at + size])
    ]


def ddddocr(task: str) -> Read:
    """Its one way of reading, a line; its charset setting would drop characters, not choose others."""
    from ddddocr import DdddOcr

    engine = DdddOcr(show_ad=False)
    return lambda paths: [engine.classification(Path(path).read_bytes()) for path in paths]


IN_PROCESS: dict[str, Callable[[str], Read]] = {
    "hwr-edge": hwr_edge,
    "rapidocr": rapidocr,
    "ddddocr": ddddocr,
}


def read_here(reader: str, task: str, paths: Sequence[str]) -> Answers:
    """Read with a library in this process."""
    read = IN_PROCESS[reader](task)
    texts = read(paths[:1])
    start = time.perf_counter()
    texts += read(paths[1:])
    return texts, time.perf_counter() - start, _peak_here()


def read_with_tesseract(task: str, listing: str, paths: Sequence[str]) -> Answers:
    """All pictures in one process of tesseract, which serves it better than a process each."""
    command = ["tesseract", listing, "-", "--psm", _TESSERACT_MODES[task]]
    command += ["-c", f"tessedit_char_whitelist={CHARSETS[task]}"]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds = (time.perf_counter() - start) * (len(paths) - 1) / len(paths)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return done.stdout.split("\f")[: len(paths)], seconds, peak


def _peak_here() -> float:
    """Megabytes: the peak since this program was started, not that of the process it was forked from."""
    status = Path("/proc/self/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


def main(reader: str, task: str, listing: str) -> None:
    """Read everything in the list and print the answer."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.environ["OMP_THREAD_LIMIT"] = "1"
    paths = Path(listing).read_text().splitlines()
    if reader == "tesseract":
        answers = read_with_tesseract(task, listing, paths)
    else:
        answers = read_here(reader, task, paths)
    print(json.dumps(dict(zip(("texts", "seconds", "peak_mb"), answers, strict=True))))


if __name__ == "__main__":
    main(*sys.argv[1:])
