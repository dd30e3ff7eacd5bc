"""The tables of the README are those of the results."""

import json
from pathlib import Path

from benchmarks.readme import README, RESULTS, filled

SLOT = "a\n<!-- table:some -->\nold\n<!-- /table -->\nb\n"


def test_the_readme_shows_the_results() -> None:
    text = README.read_text(encoding="utf-8")
    assert filled(text, RESULTS) == text, "run: make readme"


def test_rows_become_a_table(tmp_path: Path) -> None:
    rows = [
        {"model": "a|b", "value": 0.5, "n": 1200, "ci95": [0.4, 0.61234], "met": True},
        {"model": "c", "value": None, "n": 3, "ci95": None, "met": False},
    ]
    wanted = (
        "a\n<!-- table:some -->\n| model | value | n | ci95 | met |\n| --- | ---: | ---: | ---: | ---: |\n"
        "| a\\|b | 0.500 | 1,200 | 0.400 - 0.612 | yes |\n| c |  | 3 |  | no |\n<!-- /table -->\nb\n"
    )
    for content in (rows, {"rows": rows}):
        (tmp_path / "some.json").write_text(json.dumps(content))
        once = filled(SLOT, tmp_path)
        assert once == wanted
        assert filled(once, tmp_path) == once


def test_a_table_not_measured_says_so(tmp_path: Path) -> None:
    assert "Not measured yet: `python -m benchmarks.some`" in filled(SLOT, tmp_path)
