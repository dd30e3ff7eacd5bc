"""How `hwr-edge serve` bears load: `python -m benchmarks.serve [--rate-seconds S] [--mixed-seconds S]`.

First drawings of single characters at a fixed rate, whether or not earlier ones are answered: latency counts
from when a request was due. Then good and broken uploads from many clients at once, every answer held against
what it must be, and the server's memory watched. Last, where there is a Chromium, it writes on the page: from
the end of a stroke to the text on the screen. Writes results/serve.json; with `--check` a figure outside its
limit ends with 4.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.browser import chromium, launch, pen_to_text
from benchmarks.draw_examples import Hand, Sheet
from hwr_edge.bench.strokes import GLYPHS
from hwr_edge.errors import CheckFailed
from hwr_edge.modelfile import write_json

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "benchmarks" / "results" / "serve.json"
RATE = 300  # requests a second
CLIENTS = 32
LIMIT_P99_MS = 50
LIMIT_STROKE_MS = 100
LINES = ("Garden7", "quick42", "waltz90", "jump583", "HXbig16")  # written on the page, a stroke at a time
LIMIT_GROWTH_MB = 16  # the allocator's own unrest
_LINES = 48  # connections among which the requests of a fixed rate are shared


@dataclass(frozen=True)
class Upload:
    """A request, and what must come back."""

    name: str
    body: bytes
    query: str = ""
    text: str | None = None
    statuses: tuple[int, ...] = (200,)

    def request(self) -> bytes:
        """The bytes on the wire."""
        head = f"POST /v1/predict{self.query} HTTP/1.1\r\nHost: localhost\r\n"
        head += f"Content-Length: {len(self.body)}\r\n\r\n"
        return head.encode() + self.body


@dataclass
class Tally:
    """What happened to the mixed uploads."""

    answers: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    sent_away: int = 0
    memory: list[tuple[float, float]] = field(default_factory=list)  # seconds, megabytes


class Line:
    """A connection that is kept open; no HTTP library, whose own cost would be measured too."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        """Send a request and read status, headers and body; a connection closed meanwhile is renewed."""
        try:
            return await self._ask(request)
        except (ConnectionError, asyncio.IncompleteReadError):
            self._streams = None
            return await self._ask(request)

    async def _ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)
        }
        body = await reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body


def drawing(character: str, seed: int = 1) -> bytes:
    """One character as the page draws it: a pen of even width, black on white, as PNG."""
    sheet = Sheet(280, 280, seed)
    sheet.write(character, 90, 210, Hand(size=130, pen=9))
    return cv2.imencode(".png", ((1 - sheet.done()) * 255).astype(np.uint8))[1].tobytes()


def uploads() -> list[Upload]:
    """Good ones and every kind of broken one."""
    number = (ROOT / "examples" / "number.png").read_bytes()
    page = (ROOT / "examples" / "page.jpg").read_bytes()
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 3), np.uint8)
    good = [Upload(f"drawing {one}", drawing(one), "?layout=char&model=digits") for one in "3478"]
    good += [
        Upload("number", number, "?model=digits", "20581749"),
        Upload("page", page, "", None),
        Upload("blank", cv2.imencode(".png", np.full((200, 200), 255, np.uint8))[1].tobytes(), "", ""),
        Upload("noise", cv2.imencode(".png", noise)[1].tobytes(), "", None),
    ]
    huge = number[:16] + (60_000).to_bytes(4) * 2 + number[24:]
    broken = [
        Upload("empty", b"", statuses=(422,)),
        Upload("text", b"no picture at all" * 99, statuses=(422,)),
        Upload("cut off PNG", number[: len(number) // 2], statuses=(422,)),
        Upload("cut off JPEG", page[: len(page) // 2], statuses=(422,)),
        Upload("flipped bytes", number[:900] + bytes(40) + number[940:], statuses=(422,)),
        Upload("huge by its header", huge, statuses=(413,)),
        Upload("11 MB", bytes(11_000_000), statuses=(413,)),
        Upload("unknown option", number, "?colour=red", statuses=(400,)),
        Upload("unknown model", number, "?model=/etc/passwd", statuses=(400,)),
        Upload("bad charset", number, "?charset=%00", statuses=(400,)),
    ]
    return good + broken


async def at_rate(port: int, rate: float, seconds: float) -> list[float]:
    """Latencies in ms of drawings that are due at a fixed rate."""
    pictures = [Upload(one, drawing(one), "?layout=char&top_k=3").request() for one in sorted(GLYPHS)]
    free: asyncio.Queue[Line] = asyncio.Queue()
    for _ in range(_LINES):
        free.put_nowait(Line(port))
    latencies: list[float] = []

    async def one(due: float, request: bytes) -> None:
        line = await free.get()
        status, _, body = await line.ask(request)
        latencies.append(1000 * (time.perf_counter() - due))
        free.put_nowait(line)
        if status != 200:
            raise CheckFailed(f"a drawing was answered with status {status}: {body[:200]!r}")

    start = time.perf_counter()
    tasks = []
    for number in range(int(rate * seconds)):
        due = start + number / rate
        await asyncio.sleep(max(0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(due, pictures[number % len(pictures)])))
    await asyncio.gather(*tasks)
    return latencies


async def mixed(port: int, clients: int, seconds: float) -> Tally:
    """Good and broken uploads from many clients at once until the time is up."""
    tally, kinds, end = Tally(), uploads(), time.monotonic() + seconds
    expected: dict[str, str] = {one.name: one.text for one in kinds if one.text is not None}

    async def client(seed: int) -> None:
        line, chance = Line(port), random.Random(seed)
        while time.monotonic() < end:
            upload = chance.choice(kinds)
            await _deliver(line, upload, expected, tally)

    async def watch() -> None:
        line, start = Line(port), time.monotonic()
        while time.monotonic() < end:
            _, _, body = await line.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            found = re.search(rb"process_resident_memory_bytes ([\d.e+]+)", body)
            if found:
                tally.memory.append((time.monotonic() - start, float(found[1]) / 1e6))
            await asyncio.sleep(min(2, seconds / 20))

    await asyncio.gather(watch(), *(client(seed) for seed in range(clients)))
    return tally


async def _deliver(line: Line, upload: Upload, expected: dict[str, str], tally: Tally) -> None:
    """Send one upload until it is taken, and hold its answer against what it must be."""
    while True:
        status, headers, body = await line.ask(upload.request())
        if status != 503:
            break
        tally.sent_away += 1
        await asyncio.sleep(float(headers["retry-after"]) * random.uniform(0.5, 1))
    tally.answers[f"{status // 100}xx"] += 1
    record = json.loads(body)
    if status not in upload.statuses:
        tally.wrong.append(f"{upload.name}: status {status}, {body[:200]!r}")
    elif status == 200 and record["text"] != expected.setdefault(upload.name, record["text"]):
        tally.wrong.append(f"{upload.name}: read {record['text']!r}, not {expected[upload.name]!r}")
    elif status != 200 and not record["error"]["message"]:
        tally.wrong.append(f"{upload.name}: no reason")


@contextlib.contextmanager
def server() -> Iterator[int]:
    """The installed command in a process of its own; gives its port."""
    command = [sys.executable, "-m", "hwr_edge", "serve", "--port", "0"]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        found = re.search(r":(\d+) ", process.stderr.readline())
        if not found:
            raise CheckFailed("hwr-edge serve did not start")
        yield int(found[1])
    finally:
        process.terminate()
        process.wait()


def growth(memory: list[tuple[float, float]]) -> float:
    """Megabytes by which the last fifth lies above the second: the first one warms up."""
    values = np.array([megabytes for _, megabytes in memory])
    fifth = max(1, len(values) // 5)
    return float(np.median(values[-fifth:]) - np.median(values[fifth : 2 * fifth]))


def row(what: str, value: float, unit: str, limit: float) -> dict[str, Any]:
    """One figure that must not be above its limit."""
    return {"what": what, "value": value, "unit": unit, "limit": limit, "met": value <= limit}


def strokes(port: int) -> list[dict[str, Any]]:
    """How soon the page follows the pen; nothing without a browser."""
    if chromium() is None:
        print("no Chromium is installed: the page is not timed", file=sys.stderr)
        return []
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright, contextlib.closing(launch(playwright)) as browser:
        page = browser.new_page(viewport={"width": 1180, "height": 690})
        page.goto(f"http://127.0.0.1:{port}/")
        page.wait_for_selector("html[data-ready]")
        spent = pen_to_text(page, LINES)
    what = f"stroke end to text on the page, {len(spent)} characters"
    return [
        row(f"{what}: median", float(np.median(spent)), "ms", LIMIT_STROKE_MS),
        row(f"{what}: p95", float(np.percentile(spent, 95)), "ms", LIMIT_STROKE_MS),
    ]


def measure(rate_seconds: float, mixed_seconds: float) -> list[dict[str, Any]]:
    """All figures."""
    with server() as port:
        asyncio.run(at_rate(port, 50, 2))
        latencies = asyncio.run(at_rate(port, RATE, rate_seconds))
        tally = asyncio.run(mixed(port, CLIENTS, mixed_seconds))
        shown = strokes(port)
    for wrong in tally.wrong[:10]:
        print(wrong, file=sys.stderr)
    asked = f"{RATE} drawings a second for {rate_seconds:g} s"
    load = f"{CLIENTS} clients for {mixed_seconds:g} s"
    print(
        f"{load}: {dict(tally.answers)}, {tally.sent_away} times sent away with Retry-After;"
        f" memory {tally.memory[0][1]:.0f} to {tally.memory[-1][1]:.0f} MB"
    )
    return [
        row(f"{asked}: median", float(np.median(latencies)), "ms", LIMIT_P99_MS),
        row(f"{asked}: p99", float(np.percentile(latencies, 99)), "ms", LIMIT_P99_MS),
        row(f"{load}, {tally.answers.total():,} uploads: lost or answered wrongly", len(tally.wrong), "", 0),
        row(f"{load}: growth of memory", growth(tally.memory), "MB", LIMIT_GROWTH_MB),
        *shown,
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate-seconds", type=float, default=60)
    parser.add_argument("--mixed-seconds", type=float, default=600)
    parser.add_argument("--check", action="store_true", help="end with 4 where a limit is exceeded")
    parser.add_argument("--dry", action="store_true", help="do not write the result")
    args = parser.parse_args()
    rows = measure(args.rate_seconds, args.mixed_seconds)
    for line in rows:
        print(f"{line['what']:<70}{line['value']:>10.2f} {line['unit']:<3} limit {line['limit']:g}")
    if not args.dry:
        write_json(RESULT, rows)
    if args.check and not all(line["met"] for line in rows):
        sys.exit(CheckFailed.exit_code)


if __name__ == "__main__":
    main()
