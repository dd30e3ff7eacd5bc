"""The tables of exports: what is kept from one measurement to the next, and how a refusal is told."""

import json
from pathlib import Path

import pytest

from benchmarks import export_matrix, shipped
from benchmarks.export_matrix import Row

REFUSED = (
    "export: cnn.int8.tflite in litert on 500 images: agreement 98.80%, at least 99.00% wanted."
    " Layers that lose most, by SQNR: logits 39.9 dB. Try --quant int8-mixed"
)


def row(architecture: str, sha256: str, **other: object) -> Row:
    base = {"architecture": architecture, "format": "tflite", "kind": "int8", "file": f"{architecture}/x"}
    figures = {"bytes": 4321, "agreement": 0.994, "drop": 0.2, "ms": None, "why not": None}
    return {**base, **figures, "sha256": sha256, **other}


def test_a_cell_says_what_was_measured_or_why_nothing_was() -> None:
    rows = [row("mlp", "a", ms=0.0123), row("mlp", "b", kind="fp16"), row("cnn", "", file=None)]
    rows[2]["why not"] = REFUSED
    assert export_matrix.table(rows) == [
        {"architecture": "mlp", "format": "tflite", "int8": "4 KB, 99.4%, +0.2, 0.012 ms"}
        | {"fp16": "4 KB, 99.4%, +0.2"},
        {
            "architecture": "cnn",
            "format": "tflite",
            "int8": "refused: agreement 98.80%, at least 99.00% wanted",
        },
    ]


def test_a_file_that_is_still_the_same_keeps_its_latency() -> None:
    old = [row("cnn", "a", ms=0.5), row("mlp", "same", ms=1.5), row("mlp", "gone", ms=2.5)]
    found = export_matrix.merged(old, [row("mlp", "same"), row("mlp", "new")])
    assert [(one["architecture"], one["ms"]) for one in found] == [("mlp", 1.5), ("mlp", None), ("cnn", 0.5)]


def test_what_is_there_is_not_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export_matrix, "_export", lambda *_: pytest.fail("it was made again"))
    parity = {"agreement": 1.0, "drop": 0.0, "drop_interval": [-0.4, 0.4]}
    for form in export_matrix.FORMATS:
        folder = tmp_path / "mlp" / f"out-{form}-all"
        folder.mkdir(parents=True)
        files = [
            {"file": f"{kind}.{form}", "kind": kind, "bytes": 2, "parity": [parity]}
            for kind in export_matrix.KINDS
        ]
        for file in files:
            (folder / str(file["file"])).write_bytes(b"12")
        (folder / "export_report.json").write_text(json.dumps({"files": files}))
        rows = export_matrix.measure("mlp", form, tmp_path)
        assert [one["kind"] for one in rows] == list(export_matrix.KINDS)
        assert all((tmp_path / one["file"]).is_file() for one in rows)


@pytest.mark.parametrize(
    ("faster", "told"),
    [(None, "accuracy, not size"), (1.2, "accuracy, not size, not speed"), (2, "accuracy, not size, speed")],
)
def test_aims_are_told_one_by_one(faster: float | None, told: str) -> None:
    assert shipped.met({"points lost": 0.3, "of float32": 0.31, "times as fast": faster}) == told
