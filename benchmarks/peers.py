"""Our reader against others on the same pictures: `python -m benchmarks.peers [what ...] [--limit N]`.

Against Tesseract (`apt-get install tesseract-ocr`), rapidocr-onnxruntime and ddddocr, which are installed
into an environment of their own under the cache folder. None of the pictures was trained on here. Every
reader is told what may be written there (tesseract by a whitelist, ours by a charset; of the others'
answers, which cannot be limited, all else is dropped, and case is ignored where only capitals can be), and
every reader has one processor. Every reader that can is given its pictures in batches: ours and rapidocr.

- characters: paper crops 60-74 and Chars74K volunteers 046-055, one character each, 62 classes. Exact is the
  share of pictures for which just that character comes back.
- amounts: cheque amounts; exact is the share of whole strings.
- cards: the letter cards not trained on; exact is the share of characters found in order. ddddocr reads
  single lines only and is left out.

Characters per second: those written on all pictures but the first, over the time they take. Cold start: from
starting a process to its end with one picture read, median of five. Memory: the peak of reading them all.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

from benchmarks import peer_worker
from benchmarks.kept_out import CHARS74K, KEPT_OUT, PAPER_CROPS
from benchmarks.pages import CARD, align
from hwr_edge.bench import device
from hwr_edge.dataset import read_images, read_table
from hwr_edge.errors import CheckFailed, RuntimeMissingError
from hwr_edge.modelfile import write_json

RESULTS = Path(__file__).parent / "results" / "peers.json"
PACKAGES = ("rapidocr-onnxruntime==1.4.4", "ddddocr==1.6.1")
READERS = ("hwr-edge", "tesseract", "rapidocr", "ddddocr")
OURS = READERS[0]
COLD_STARTS = 5

Row = dict[str, Any]
Labelled = Iterable[tuple[str, bytes]]  # text, encoded picture


def paper_crops(data: Path) -> Iterator[tuple[str, bytes]]:
    """Single characters photographed from paper, those never trained on."""
    return ((label, _png(image)) for image, label in KEPT_OUT[PAPER_CROPS](data))


def chars74k(data: Path) -> Iterator[tuple[str, bytes]]:
    """Single characters from a tablet, of writers never trained on."""
    return ((label, _png(image)) for image, label in KEPT_OUT[CHARS74K](data))


def amounts(data: Path) -> Iterator[tuple[str, bytes]]:
    """Amounts on cheques."""
    labels = dict(read_table(data / "cheque-amounts.zip", "labels.tsv"))
    return ((labels[name], _png(image)) for name, image in read_images(data / "cheque-amounts.zip"))


def cards(data: Path) -> Iterator[tuple[str, bytes]]:
    """Ruled cards with three rows of five capitals, of writers never trained on."""
    for name, image in read_images(data / "letter-cards.zip"):
        if int(Path(name).stem.rpartition("_")[2]) % 5 in (3, 4):
            yield "\n".join(CARD), _png(image)


SETS = {
    "paper-crops": (paper_crops, "character"),
    "chars74k": (chars74k, "character"),
    "amounts": (amounts, "amount"),
    "cards": (cards, "card"),
}


def clean(text: str, task: str) -> str:
    """Only what can be written there; line ends stay where there are several lines."""
    text = text.upper() if task == "card" else text
    kept = peer_worker.CHARSETS[task] + ("\n" if task == "card" else "")
    return "".join(one for one in text if one in kept)


def score(texts: Sequence[str], truth: Sequence[str], task: str) -> tuple[float, float]:
    """Exact and ignoring case, 0-1; see the top of this file for what is counted."""
    pairs = [(clean(text, task), wanted) for text, wanted in zip(texts, truth, strict=True)]
    if task == "card":
        share = sum(align(text, wanted)[0] for text, wanted in pairs) / sum(map(_length, truth))
        return share, share
    exact = sum(text == wanted for text, wanted in pairs)
    folded = sum(text.lower() == wanted.lower() for text, wanted in pairs)
    return exact / len(pairs), folded / len(pairs)


def measure(reader: str, name: str, task: str, truth: Sequence[str], files: Sequence[Path]) -> Row:
    """One row of the table."""
    python = _environment() if reader in ("rapidocr", "ddddocr") else Path(sys.executable)
    with tempfile.TemporaryDirectory() as folder:
        everything, one = Path(folder) / "all.txt", Path(folder) / "one.txt"
        everything.write_text("".join(f"{file}\n" for file in files))
        one.write_text(f"{files[0]}\n")
        answer = _run(python, reader, task, everything)
        cold = []
        for _ in range(COLD_STARTS):
            start = time.perf_counter()
            _run(python, reader, task, one)
            cold.append(time.perf_counter() - start)
    exact, folded = score(answer["texts"], truth, task)
    read = sum(map(_length, truth[1:]))
    return {
        "pictures": name,
        "reader": reader,
        "n": len(truth),
        "exact": round(exact, 4),
        "ignoring case": round(folded, 4),
        "characters per second": round(read / answer["seconds"], 1) if read else None,
        "cold start s": round(statistics.median(cold), 3),
        "memory MB": round(answer["peak_mb"]),
    }


def compare(rows: list[Row]) -> None:
    """Put into our rows how many times the exact share and the speed of the most exact peer they reach."""
    for ours in (row for row in rows if row["reader"] == OURS):
        peers = [row for row in rows if row["pictures"] == ours["pictures"] and row["reader"] != OURS]
        best = max(peers, key=lambda row: row["exact"])
        for figure, name in (
            ("exact", "exact over best peer"),
            ("characters per second", "speed over that peer"),
        ):
            ours[name] = round(ours[figure] / best[figure], 2) if best[figure] else None


def _length(text: str) -> int:
    return len(text.replace("\n", ""))


def _png(image: Any) -> bytes:
    return cv2.imencode(".png", image)[1].tobytes()


def _run(python: Path, reader: str, task: str, listing: Path) -> dict[str, Any]:
    # Our reader is found from the root of the repository, the others in their environment.
    command = [str(python), peer_worker.__file__, reader, task, str(listing)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CheckFailed(f"{reader} failed on {task}: {(done.stderr.splitlines() or ['no message'])[-1]}")
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def _environment() -> Path:
    """The Python of the peers' own environment, made on first use."""
    folder = Path(os.environ.get("HWR_EDGE_CACHE", "runs/cache")).resolve() / "peers"
    python = folder / "bin" / "python"
    stamp = folder / "installed.txt"
    if not stamp.exists() or stamp.read_text() != " ".join(PACKAGES):
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "--quiet", "--clear", folder], check=True)
        subprocess.run([*uv, "pip", "install", "--quiet", "--python", python, *PACKAGES], check=True)
        stamp.write_text(" ".join(PACKAGES))
    return python


def _written(folder: Path, labelled: Labelled, limit: int | None) -> tuple[list[str], list[Path]]:
    """The pictures as files, evenly chosen where there is a limit."""
    everything = list(labelled)
    step = max(1, len(everything) // limit) if limit else 1
    truth, files = [], []
    for at, (label, data) in enumerate(everything[::step][:limit]):
        files.append(folder / f"{at:05}.png")
        files[-1].write_bytes(data)
        truth.append(label)
    return truth, files


def main(
    what: Annotated[list[str] | None, typer.Argument(help=f"{', '.join(SETS)}; all by default")] = None,
    data: Annotated[Path, typer.Option(help="folder of the data sets")] = Path("../shared/data"),
    limit: Annotated[int | None, typer.Option(min=2, help="pictures of each set, for a quick look")] = None,
    out: Annotated[Path | None, typer.Option("--json", help="where the rows go")] = None,
) -> None:
    """Measure, print, and write the rows: to results/peers.json where everything was measured."""
    chosen = what or list(SETS)
    if unknown := [name for name in chosen if name not in SETS]:
        raise typer.BadParameter(f"no pictures {unknown[0]!r}: choose from {', '.join(SETS)}")
    if not shutil.which("tesseract"):
        raise RuntimeMissingError("tesseract is not installed: apt-get install tesseract-ocr")
    target = out or (RESULTS if not limit and not what else None)
    rows: list[Row] = []
    for name in chosen:
        labelled, task = SETS[name]
        with tempfile.TemporaryDirectory() as folder:
            truth, files = _written(Path(folder), labelled(data), limit)
            for reader in READERS:
                if reader == "ddddocr" and task == "card":
                    continue
                rows.append(measure(reader, name, task, truth, files))
                print("  ".join(f"{value}" for value in rows[-1].values()), flush=True)
        compare(rows)
        ours = next(row for row in rows if (row["pictures"], row["reader"]) == (name, OURS))
        times = f"exact {ours['exact over best peer']} x, speed {ours['speed over that peer']} x"
        print(f"{name}: over the most exact peer {times}", flush=True)
        if target:  # after each set: an interrupted run keeps those that are done
            found = {"rows": rows, "packages": PACKAGES, "device": device.report()}
            write_json(target, found)


if __name__ == "__main__":
    typer.run(main)
