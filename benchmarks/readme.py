"""Fills the tables of README.md from benchmarks/results/*.json: `python -m benchmarks.readme [--check]`.

Between `<!-- table:NAME -->` and `<!-- /table -->` goes results/NAME.json: a list of flat objects, one a
row, or an object with such a list under `rows`. The keys of the first row are the columns.
"""

import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

README = Path(__file__).resolve().parent.parent / "README.md"
RESULTS = Path(__file__).resolve().parent / "results"

_SLOT = re.compile(r"(<!-- table:(\w+) -->\n).*?(<!-- /table -->)", re.DOTALL)


def cell(value: object) -> str:
    """One value as it is shown: three decimals below ten, intervals as `low - high`, nothing for null."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
        case int():
            return f"{value:,}"
        case [low, high]:
            return f"{cell(low)} - {cell(high)}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A Markdown table; numbers stand to the right."""
    columns = list(rows[0])
    right = {column for column in columns if not any(isinstance(row.get(column), str) for row in rows)}
    lines = [
        [column.replace("_", " ") for column in columns],
        ["---:" if column in right else "---" for column in columns],
        *([cell(row.get(column)) for column in columns] for row in rows),
    ]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def filled(text: str, results: Path) -> str:
    """The text with every slot filled anew; a slot without results says how to make them."""

    def fill(match: re.Match[str]) -> str:
        head, name, foot = match.groups()
        path = results / f"{name}.json"
        if not path.exists():
            return f"{head}Not measured yet: `python -m benchmarks.{name}` does it.\n{foot}"
        found = json.loads(path.read_text(encoding="utf-8"))
        return head + table(found["rows"] if isinstance(found, dict) else found) + foot

    return _SLOT.sub(fill, text)


def fill() -> None:
    """Rewrite README.md with the results as they are."""
    README.write_text(filled(README.read_text(encoding="utf-8"), RESULTS), encoding="utf-8")


def main() -> None:
    """Rewrite README.md, or with --check only say (exit code 4) that it is out of step."""
    if "--check" not in sys.argv[1:]:
        fill()
        return
    text = README.read_text(encoding="utf-8")
    if filled(text, RESULTS) != text:
        print("README.md is out of step with benchmarks/results; run: make readme", file=sys.stderr)
        raise SystemExit(4)


if __name__ == "__main__":
    main()
