"""Reads the real pages through `Recognizer`: `python -m benchmarks.pages [what ...] [--json FILE]`.

What is counted, all from the model files that ship unless --digits or --latin names others:

- webcam: per frame the digits in reading order, a mark between lines, are aligned with the rows on the sheet
  (least edit distance). Right are the digits matched; false are digits inserted or put for another one. A
  frame passes with at least 17 of 19 right and at most 2 false. The sheet's last row is out of view in the
  first four frames; those are not counted.
- cards: characters of the cards not trained on (frame number % 5 is 3 or 4), row by row, upper case only; and
  the share of all cards on which exactly 15 characters are found, which needs no model that was trained.
- cheques: whole strings right; what is no digit is not written in the labels.
- grid: cells cut with the given corners, a twelfth left off each side. Single digits are to be read, empty
  cells to be found blank; cells with two small digits are left out.
- words: whole words right ignoring case, among those the reader stands by, and the share it refuses.
- speed: locating and everything together on a drawn page of 1600x1200 with about 500 characters, one thread.
"""

import argparse
import os
import statistics
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge import Recognizer
from hwr_edge.bench.strokes import BASELINE, strokes
from hwr_edge.dataset import read_table
from hwr_edge.modelfile import write_json

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("HWR_EDGE_DATA", ROOT.parent / "shared" / "data"))
RESULTS = ROOT / "benchmarks" / "results" / "pages.json"

SHEET = ("2718", "8135", "45091", "003627")
CARD = ("ABCDI", "KOLMR", "EHXWT")
WHOLE_SHEET_FROM = 4  # the first frame with all four rows in view

Picture = NDArray[np.uint8]
Row = dict[str, Any]


def align(found: str, wanted: str) -> tuple[int, int, int]:
    """Right, false and missing characters under a least-cost alignment; line ends count as neither.

    False are insertions and substitutions, missing are deletions and substitutions.
    """
    best = [[(0, 0, 0, 0)] * (len(wanted) + 1) for _ in range(len(found) + 1)]
    for i in range(len(found) + 1):
        for j in range(len(wanted) + 1):
            options = []
            if i:
                cost, right, false, missing = best[i - 1][j]
                options.append((cost + 1, right, false + (found[i - 1] != "\n"), missing))
            if j:
                cost, right, false, missing = best[i][j - 1]
                options.append((cost + 1, right, false, missing + (wanted[j - 1] != "\n")))
            if i and j:
                cost, right, false, missing = best[i - 1][j - 1]
                one, other = found[i - 1], wanted[j - 1]
                if one == other:
                    options.append((cost, right + (one != "\n"), false, missing))
                else:
                    options.append((cost + 1, right, false + (one != "\n"), missing + (other != "\n")))
            if options:
                best[i][j] = min(options, key=lambda option: (option[0], -option[1]))
    return best[-1][-1][1:]


def webcam(data: Path, models: dict[str, str]) -> list[Row]:
    """Frames of a sheet held up to a camera."""
    reader = Recognizer(models["digits"], threads=1)
    wanted = "\n".join(SHEET)
    digits = sum(map(len, SHEET))
    scores = []
    for frame in _frames(data / "webcam-digits.mp4"):
        text = reader.predict(frame, layout="page").text.replace(" ", "")
        scores.append(align(text, wanted))
    whole = scores[WHOLE_SHEET_FROM:]
    count = len(whole)
    passed = [right >= digits - 2 and false <= 2 for right, false, _ in whole]
    return [
        _row("webcam", "frames with 17 of 19 right and 2 false at most", statistics.mean(passed), 1.0, count),
        _row("webcam", "digits right", sum(s[0] for s in whole) / (digits * count), None, digits * count),
        _row("webcam", "false digits a frame", statistics.mean(s[1] for s in whole), None, count),
    ]


def cards(data: Path, models: dict[str, str]) -> list[Row]:
    """Ruled cards with three rows of five capitals."""
    reader = Recognizer(models["latin62"], threads=1)
    right = total = exact = count = 0
    for name, picture in _pictures(data / "letter-cards.zip"):
        found = reader.predict(picture, layout="page", charset="upper")
        count += 1
        exact += len(found.characters) == sum(map(len, CARD))
        if _kept_out(name):
            right += align(found.text.replace(" ", ""), "\n".join(CARD))[0]
            total += sum(map(len, CARD))
    return [
        _row("cards", "characters right, writers not trained on", right / total, 0.93, total),
        _row("cards", "cards with exactly 15 characters", exact / count, 0.97, count),
    ]


def cheques(data: Path, models: dict[str, str]) -> list[Row]:
    """Amounts on security paper."""
    reader = Recognizer(models["digits"], threads=1)
    right = near = count = strings = 0
    for picture, wanted in amounts(data):
        text = reader.predict(picture, layout="word").text.replace(" ", "")
        right += text == wanted
        near += align(text, wanted)[0]
        count, strings = count + len(wanted), strings + 1
    return [
        _row("cheques", "whole strings right", right / strings, 0.70, strings),
        _row("cheques", "digits right", near / count, None, count),
    ]


def grid(data: Path, models: dict[str, str]) -> list[Row]:
    """Cells of photographed number grids."""
    reader = Recognizer(models["digits"], threads=1)
    right, blank = [], []
    for cell, value in grid_cells(data):
        text = reader.predict(cell, layout="char").text if value <= 9 else ""
        if 1 <= value <= 9:
            right.append(text == str(value))
        elif value == 0:
            blank.append(text == "")
    return [
        _row("grid", "single digits right", statistics.mean(right), 0.95, len(right)),
        _row("grid", "empty cells found blank", statistics.mean(blank), 0.95, len(blank)),
    ]


def words(data: Path, models: dict[str, str]) -> list[Row]:
    """Handwritten words, printed and joined."""
    reader = Recognizer(models["latin62"], threads=1)
    labels = _labels(data / "handwritten-words.zip")
    accepted, right, everything = 0, 0, 0
    for name, picture in _pictures(data / "handwritten-words.zip"):
        wanted = labels[Path(name).name]
        found = reader.predict(picture, layout="word", charset=None)
        same = found.text.replace(" ", "").lower() == "".join(filter(str.isalnum, wanted)).lower()
        everything += same
        if found.rejected is None:
            accepted += 1
            right += same
    count = len(labels)
    return [
        _row("words", "words right ignoring case", everything / count, None, count),
        _row("words", "refused", 1 - accepted / count, None, count),
        _row("words", "right among those not refused", right / max(accepted, 1), None, accepted),
    ]


def speed(_: Path, models: dict[str, str]) -> list[Row]:
    """A page of about 500 characters, drawn."""
    reader = Recognizer(models["latin62"], threads=1)
    page = drawn_page()
    runs = [reader.predict(page, layout="page") for _ in range(9)][2:]
    count = len(runs[0].characters)
    median = {key: statistics.median(run.timing_ms[key] for run in runs) for key in ("locate", "total")}
    return [
        _row("speed", "milliseconds to locate, page 1600x1200", median["locate"], None, count),
        _row("speed", "milliseconds in all, page 1600x1200", median["total"], 150.0, count),
    ]


def drawn_page(seed: int = 0) -> Picture:
    """Uint8 (1200, 1600, 3): lines of words from pen strokes, uneven light, some noise."""
    random = np.random.default_rng(seed)
    page = np.full((1200, 1600), 225, np.uint8)
    letters = "the quick brown fox jumps over the lazy dog while five wizards box and sphinx of quartz judge"
    at = 0
    for line in range(14):
        x, y = 80.0, 95 + 78 * line
        while x < 1500:
            character = letters[at % len(letters)]
            at += 1
            if character == " ":
                x += 24
                continue
            curves = [curve * 0.42 * random.uniform(0.95, 1.05) for curve in strokes(character)]
            if not curves:
                continue
            left = min(float(curve[:, 0].min()) for curve in curves)
            places = [np.round(curve - [left - x, 0.42 * BASELINE - y]).astype(np.int32) for curve in curves]
            cv2.polylines(page, places, False, 45, 3, cv2.LINE_AA)
            x = max(float(place[:, 0].max()) for place in places) + 9
    shade = np.linspace(1.05, 0.65, 1600)[None] * np.linspace(1, 0.85, 1200)[:, None]
    noisy = page * shade + random.normal(0, 2, page.shape)
    return cv2.cvtColor(np.clip(noisy, 0, 255).astype(np.uint8), cv2.COLOR_GRAY2BGR)  # type: ignore[return-value]


def amounts(data: Path) -> Iterator[tuple[bytes, str]]:
    """Encoded pictures of the amounts on cheques, and their digits."""
    labels = _labels(data / "cheque-amounts.zip")
    return ((picture, labels[Path(name).name]) for name, picture in _pictures(data / "cheque-amounts.zip"))


def kept_out_cards(data: Path) -> Iterator[bytes]:
    """Encoded pictures of the ruled cards not trained on."""
    return (picture for name, picture in _pictures(data / "letter-cards.zip") if _kept_out(name))


def grid_photographs(data: Path) -> Iterator[tuple[bytes, list[list[float]], list[list[int]]]]:
    """Encoded photographs of number grids, their corners, and nine rows of nine values, 0 for empty."""
    labels = {line[0]: line[1:] for line in read_table(data / "digit-grid-photos.zip", "labels.tsv")[1:]}
    for name, picture in _pictures(data / "digit-grid-photos.zip"):
        places, values = labels[Path(name).name][:2]
        corners = [[float(number) for number in point.split(",")] for point in places.split()]
        yield picture, corners, [[int(number) for number in row.split(",")] for row in values.split("/")]


def grid_cells(data: Path) -> Iterator[tuple[Picture, int]]:
    """The cells of all number grids, cut by their corners, and what is in each: 0 for nothing."""
    for picture, corners, values in grid_photographs(data):
        yield from zip(_cells(picture, corners), np.ravel(values).tolist(), strict=True)


def _kept_out(name: str) -> bool:
    return int(Path(name).stem.rsplit("_", 1)[1]) % 5 in (3, 4)


def _row(page: str, figure: str, value: float | None, wanted: float | None, count: int) -> Row:
    return {"page": page, "figure": figure, "value": value, "wanted": wanted, "n": count}


def _frames(path: Path) -> Iterator[Picture]:
    video = cv2.VideoCapture(str(path))
    while True:
        seen, frame = video.read()
        if not seen:
            return
        yield frame  # type: ignore[misc]


def _pictures(path: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith((".jpg", ".png")):
                yield name, archive.read(name)


def _labels(path: Path) -> dict[str, str]:
    return dict(read_table(path, "labels.tsv"))


def _cells(data: bytes, corners: list[list[float]], side: int = 64) -> Iterator[Picture]:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    span, inset = 9 * side, side // 12
    square = np.array([[0, 0], [span, 0], [span, span], [0, span]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.array(corners, np.float32), square)
    flat = cv2.warpPerspective(picture, matrix, (span, span), flags=cv2.INTER_AREA)
    for row in range(9):
        for column in range(9):
            top, left = row * side + inset, column * side + inset
            yield flat[top : top + side - 2 * inset, left : left + side - 2 * inset]  # type: ignore[misc]


PAGES = {"webcam": webcam, "cards": cards, "cheques": cheques, "grid": grid, "words": words, "speed": speed}


def main() -> None:
    """Measure, print a table, and write the rows where --json says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", nargs="*", default=["all"], help=f"{', '.join(PAGES)} or all")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the real data")
    parser.add_argument("--json", type=Path, help=f"where to write the rows; all go to {RESULTS.name}")
    parser.add_argument("--digits", default="digits", help="model that reads digits")
    parser.add_argument("--latin", default="latin62", help="model that reads letters")
    options = parser.parse_args()
    chosen = list(PAGES) if "all" in options.what else options.what
    unknown = [name for name in chosen if name not in PAGES]
    if unknown:
        parser.error(f"no page {unknown[0]!r}: choose from {', '.join(PAGES)} or all")
    cv2.setNumThreads(1)
    rows: list[Row] = []
    for name in chosen:
        for row in PAGES[name](options.data, {"digits": options.digits, "latin62": options.latin}):
            value = "-" if row["value"] is None else f"{row['value']:.3f}"
            print(f"{row['page']:8} {row['figure']:48} {value:>8}", end="  ")
            print(f"wanted {row['wanted'] or '-'}  n {row['n']}", flush=True)
            rows.append(row)
    target = options.json or (RESULTS if "all" in options.what else None)
    if target is not None:
        write_json(target, rows)


if __name__ == "__main__":
    main()
