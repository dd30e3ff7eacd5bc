"""Results on stdout or in a file: text, json, jsonl or csv."""

import io
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from hwr_edge.errors import HwrError

if TYPE_CHECKING:
    from hwr_edge.prediction import Prediction

_COLUMNS = (
    "input",
    "text",
    "confidence",
    "rejected",
    "polarity",
    "model",
    "runtime",
    "device",
    "total_ms",
    "error",
)


class OutputError(HwrError, OSError):
    """The file or folder for the results cannot be written."""

    exit_code = 2


def check_file(path: Path, option: str) -> None:
    """Complain about a file that cannot be written before an hour of work, not after it.

    Raises:
        OutputError: it is a folder, or its folder cannot be made or written.
    """
    if path.is_dir():
        raise OutputError(f"{path} is a folder: give a file for {option}")
    check_folder(path.parent, option)


def check_folder(path: Path, option: str) -> None:
    """Make a folder where it is missing, and see that files can be written there; only trying tells.

    Raises:
        OutputError: they cannot.
    """
    import tempfile

    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{path} cannot be written ({reason}): give another {option}") from None


class Output:
    """Writes one record an input as it comes, so that an interrupted run has printed what it had.

    A file gets a temporary name until everything is in it: it appears whole or not at all.

    Args:
        kind: "text", "json", "jsonl" or "csv".
        path: the file, None for stdout.
        several: whether text must say which input each line belongs to.
    """

    def __init__(self, kind: str, path: str | None, several: bool) -> None:
        self._kind = kind
        self._several = several
        self._path = Path(path).resolve() if path else None
        self._part: Path | None = None
        self._stream: TextIO = sys.stdout
        self._separator = "["

    def __enter__(self) -> "Output":
        if self._path:
            self._stream = self._open(self._path)
        if self._kind == "csv":
            self._put(_csv_row(_COLUMNS))
        return self

    def write(self, prediction: "Prediction") -> None:
        """One picture that was read."""
        if self._kind == "text":
            prefix = f"{prediction.input}: " if self._several else ""
            self._put("".join(f"{prefix}{line}\n" for line in prediction.lines or [""]))
        elif self._kind == "csv":
            self._put(_csv_row(_cells(prediction)))
        else:
            self._record(prediction.to_dict())

    def fail(self, schema: str, name: str, error: Exception) -> None:
        """One input that could not be read; text has no place for it, stderr has said it."""
        message = " ".join(str(error).split())
        if self._kind == "csv":
            self._put(_csv_row([name, *[""] * (len(_COLUMNS) - 2), message]))
        elif self._kind != "text":
            kind = type(error).__name__
            self._record({"schema": schema, "input": name, "error": {"type": kind, "message": message}})

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._kind == "json" and kind is not BrokenPipeError:
            self._put("[]\n" if self._separator == "[" else "\n]\n")
        if self._path:
            self._stream.close()
        if self._path and self._part:
            if kind is None:
                self._part.replace(self._path)
            else:
                self._part.unlink(missing_ok=True)

    def _open(self, path: Path) -> TextIO:
        if path.is_dir():
            raise OutputError(f"{path} is a folder: give a file for --output")
        target = path
        if path.is_file() or not path.exists():  # devices and pipes are written to, never replaced
            target = self._part = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            return target.open("w", encoding="utf-8", errors="backslashreplace", newline="")
        except OSError as error:
            reason = error.strerror or error
            raise OutputError(f"{path} cannot be written ({reason}): give another --output") from None

    def _record(self, record: dict[str, Any]) -> None:
        line = json.dumps(record, ensure_ascii=False)
        if self._kind == "jsonl":
            self._put(line + "\n")
        else:
            self._put(f"{self._separator}\n{line}")
            self._separator = ","

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


def _cells(prediction: "Prediction") -> list[object]:
    return [
        prediction.input,
        prediction.text,
        round(prediction.confidence, 5),
        prediction.rejected or "",
        prediction.polarity,
        prediction.model.name,
        prediction.runtime,
        prediction.device,
        prediction.timing_ms["total"],
        "",
    ]


def _csv_row(cells: list[object] | tuple[str, ...]) -> str:
    import csv

    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


class Progress:
    """A bar on stderr, or what stands in for it, redrawn in place; says nothing where that is no terminal."""

    def __init__(self, total: int, wanted: bool, stream: TextIO | None = None) -> None:
        self._total = total
        self._done = 0
        self._stream = stream or sys.stderr
        self._shown = wanted and self._stream.isatty()

    def step(self, name: str) -> None:
        """Show that `name` is being read."""
        if self._shown:
            filled = 24 * self._done // self._total
            bar = "#" * filled + "." * (24 - filled)
            self._stream.write(f"\r\x1b[K[{bar}] {self._done}/{self._total} {name[-40:]}")
            self._stream.flush()
        self._done += 1

    def clear(self) -> None:
        """Take the bar away, so that a message can stand in its line."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
