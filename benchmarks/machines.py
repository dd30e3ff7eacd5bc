"""Saved runs, a file a machine: `results/KIND-MACHINE.json`."""

import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks import readme
from hwr_edge.modelfile import write_json

RESULTS = readme.RESULTS

Run = dict[str, Any]  # as `hwr_edge.bench.session.benchmark` returns it


def write(found: Run, kind: str, results: Path) -> Path:
    """Save a whole run under its machine's name.

    Raises:
        SystemExit: the run was interrupted: half a table is none.
    """
    if found["partial"]:
        sys.exit(f"interrupted: the table of {kind} stays as it was")
    machine = re.sub(r"\W+", "-", found["machine"].lower()).strip("-")
    path = results / f"{kind}-{machine}.json"
    write_json(path, found)
    return path


def read(kind: str, results: Path) -> list[Run]:
    """The runs of all machines."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(results.glob(f"{kind}-*.json"))]


def short(run: Run) -> str:
    """A machine in a word or two."""
    return str(run["machine"].split(", ")[0])


def refill(results: Path) -> None:
    """Bring README.md up to date, where the results are the project's own."""
    if results == RESULTS:
        readme.fill()
