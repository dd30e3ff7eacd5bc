"""What `python -m benchmarks.runtimes` makes of saved runs."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import architectures, machines
from hwr_edge.errors import DataError


def row(file: str, runtime: str, p50: float, status: str = "ok") -> dict[str, Any]:
    latency = {"p50": p50} if status == "ok" else None
    name = file.partition(".")[0]
    about = {"model": name, "file": file, "runtime": runtime, "status": status}
    return about | {"macs": 2_000_000, "latency_ms": latency}


def test_a_form_shows_the_runtime_that_is_fastest() -> None:
    rows = [
        row("mlp.onnx", "onnxruntime", 0.2),
        row("mlp.onnx", "openvino", 0.1234),
        row("mlp.int8.onnx", "openvino", 0.0, "failed"),
        row("mlp.int8.tflite", "litert", 25.0),
        row("vgg.tflite", "litert", 70.0),
    ]
    lines = architectures.table([{"machine": "Board, 4 cores", "results": rows}])
    assert [line["architecture"] for line in lines] == ["mlp", "vgg"]
    assert {line["machine"] for line in lines} == {"Board"}
    assert (lines[0]["onnx"], lines[0]["int8.onnx"], lines[0]["int8.tflite"]) == (
        "0.123 ov",
        "fails",
        "25 lite",
    )
    assert lines[0]["tflite"] is None
    assert lines[0]["MMAC"] == 2.0


def test_of_several_attempts_at_a_form_the_last_counts(tmp_path: Path) -> None:
    for folder in ("mlp/out-onnx-int8", "mlp/out-onnx-none-int8", "cnn/out-onnx-none"):
        (tmp_path / folder).mkdir(parents=True)
        name = "cnn.onnx" if "cnn" in folder else "mlp.int8.onnx"
        (tmp_path / folder / name).touch()
        (tmp_path / folder / "export_report.json").touch()
    found = [str(path.relative_to(tmp_path)) for path in architectures.files(tmp_path)]
    assert found == ["cnn/out-onnx-none/cnn.onnx", "mlp/out-onnx-none-int8/mlp.int8.onnx"]
    with pytest.raises(DataError, match="export_matrix"):
        architectures.files(tmp_path / "cnn")


def test_runs_are_kept_by_machine_and_only_whole_ones(tmp_path: Path) -> None:
    run = {"machine": "Board (rev 2), 4 cores", "partial": False, "results": []}
    assert machines.write(run, "runtimes", tmp_path).name == "runtimes-board-rev-2-4-cores.json"
    assert machines.read("runtimes", tmp_path) == [run]
    with pytest.raises(SystemExit, match="interrupted"):
        machines.write(run | {"partial": True}, "runtimes", tmp_path)
