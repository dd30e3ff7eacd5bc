"""What the user typed to the list of pictures: files, folders, patterns, `-` for stdin."""

import glob
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from hwr_edge import header
from hwr_edge.errors import ImageError

STDIN = "-"


@dataclass(frozen=True)
class Source:
    """One input: its name, and the reason where it is already known that nothing can be read there."""

    name: str
    error: ImageError | None = None


def expand(inputs: Iterable[str]) -> list[Source]:
    """The pictures behind the inputs, in the order given, each once.

    A folder stands for the pictures directly in it and a pattern (`*`, `?`, `[...]`, `**`) for the
    files that match, both in natural order: 2.png before 10.png. An input that leads to nothing becomes
    a source with an error, so that it can be reported beside the results of the others.
    """
    found: dict[str, Source] = {}
    for text in inputs:
        for source in _one(text):
            found.setdefault(source.name, source)
    return list(found.values())


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sorts numbers inside names by value, and letters without regard to case."""
    parts = re.split(r"(\d+)", name.casefold())
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts]


def _one(text: str) -> list[Source]:
    if os.path.isdir(text):
        return _folder(text)
    if text == STDIN or os.path.lexists(text) or not glob.has_magic(text):
        return [Source(text)]
    names = [name for name in glob.glob(text, recursive=True) if not os.path.isdir(name)]
    if not names:
        return [Source(text, ImageError(f"{text}: no file matches this pattern: check the path"))]
    return [Source(name) for name in sorted(names, key=natural_key)]


def _folder(text: str) -> list[Source]:
    try:
        with os.scandir(text) as entries:
            files = [entry.name for entry in entries if entry.is_file()]
    except OSError as error:
        reason = error.strerror or error
        return [
            Source(text, ImageError(f"{text}: the folder cannot be read ({reason}): check its permissions"))
        ]
    names = [name for name in files if name.lower().endswith(header.SUFFIXES) and not name.startswith(".")]
    if not names:
        return [Source(text, ImageError(f"{text}: no pictures in this folder: give {header.READABLE} files"))]
    return [Source(os.path.join(text, name)) for name in sorted(names, key=natural_key)]
