"""`hwr-edge benchmark` as users type it."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import pytest

from hwr_edge.bench import child
from hwr_edge.cli import main
from tests.fakes import write_onnx, written

SHORT = ["--runs", "20", "--min-seconds", "0", "--max-seconds", "0.4", "--rounds", "1", "--batch", "1,4"]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_onnx(tmp_path_factory.mktemp("model") / "digits.onnx")


@pytest.fixture(scope="module")
def run_once(model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str, Path]:
    """One short run over two runtimes, with data and every kind of output."""
    folder = tmp_path_factory.mktemp("run")
    for digit in "0123456789":
        (folder / "data" / digit).mkdir(parents=True)
        cv2.imwrite(str(folder / "data" / digit / "1.png"), written(digit))
    words = ["--data", "data", "--save", "run.json", "--html", "report.html", "--samples"]
    done = subprocess.run(
        [*entry(), str(model), "--runtime", "opencv", "--runtime", "onnxruntime", *words, *SHORT],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "run.json").read_text()), done.stdout, folder


def entry() -> list[str]:
    return [sys.executable, "-m", "hwr_edge", "benchmark"]


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    return err


def test_everything_promised_is_measured(run_once: tuple[dict[str, Any], str, Path]) -> None:
    found, _, _ = run_once
    assert (found["schema"], found["partial"]) == ("hwr-edge/benchmark/1", False)
    assert found["device"]["cpu"]
    assert found["gemm_macs_per_second"]["1"] > 1e6
    assert {row["runtime"] for row in found["results"]} == {"onnxruntime", "opencv"}
    for row in found["results"]:
        latency = row["latency_ms"]
        assert row["status"] == "ok"
        assert latency["n"] == len(latency["samples"]) >= 20
        assert latency["min"] <= latency["p50"] <= latency["p90"] <= latency["p99"] <= latency["max"]
        assert min(row["import_ms"], row["load_ms"], row["first_ms"], row["warmup_ms"]["mean"]) > 0
        assert min(row["from_frame_ms"]["p50"], row["from_bytes_ms"]["p50"]) > 0
        assert list(row["batches"]) == ["1", "4"]
        assert set(row["scenarios"]) == {"single", "multi", "offline"}
        assert row["scenarios"]["multi"]["samples_a_query"] == 8
        assert row["memory_mib"]["peak"] >= row["memory_mib"]["loaded"] > row["memory_mib"]["start"]
        assert row["macs"] == row["parameters"] - 10 == 32 * 32 * 10
        assert 0 < row["share_of_peak"] < 1
        assert row["accuracy"]["value"] == row["agreement"]["value"] == 1.0
        assert (row["accuracy"]["n"], row["accuracy"]["drawn"]) == (10, False)


def test_it_ends_in_one_table_and_one_sentence(run_once: tuple[dict[str, Any], str, Path]) -> None:
    found, out, folder = run_once
    assert "digits.onnx  onnxruntime" in out
    assert out.splitlines()[-1] == found["advice"]
    assert found["advice"].startswith("On this device, ship digits.onnx in ")
    assert found["advice"] in (folder / "report.html").read_text()


def test_two_saved_runs_are_compared(
    run_once: tuple[dict[str, Any], str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _, folder = run_once
    old, new = str(folder / "run.json"), str(tmp_path / "slow.json")
    for row in found["results"]:
        for name in ("p50", "min"):
            row["latency_ms"][name] *= 3
        row["latency_ms"]["median_ci95"] = [3 * end for end in row["latency_ms"]["median_ci95"]]
    Path(new).write_text(json.dumps(found))
    assert main(["benchmark", "--compare", old, old, "--fail-if-slower", "20%"]) == 0
    assert "1.00" in capsys.readouterr().out
    assert main(["benchmark", "--compare", old, new]) == 0
    capsys.readouterr()
    assert main(["benchmark", "--compare", old, new, "--fail-if-slower", "20%"]) == 4
    assert "takes 3.00 times as long" in capsys.readouterr().err
    assert main(["benchmark", "--compare", new, old, "--fail-if-slower", "0.2"]) == 0


def test_csv_is_all_that_stdout_holds(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["benchmark", str(model), "--runtime", "onnxruntime", "--csv", *SHORT]) == 0
    out, err = capsys.readouterr()
    (line,) = csv.DictReader(io.StringIO(out))
    assert float(line["p50_ms"]) > 0
    assert "On this device, ship digits.onnx in onnxruntime" in err


def test_a_damaged_file_is_a_row_beside_the_others(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = tmp_path / "bad.onnx"
    # Whole as a file, but its graph uses an operator that nobody has.
    damaged.write_bytes(model.read_bytes().replace(b"Gemm", b"Gumm"))
    short = tmp_path / "cut.onnx"
    short.write_bytes(model.read_bytes()[:999])
    words = [str(model), str(damaged), str(short), "--runtime", "onnxruntime", "--markdown", *SHORT]
    assert main(["benchmark", *words]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    assert lines[0].startswith("| digits.onnx | onnxruntime | 0.")
    assert lines[1].startswith("| bad.onnx | onnxruntime | - |")
    assert "Gumm" in lines[1]
    assert lines[2].startswith("| cut.onnx | onnxruntime | - |")
    assert "failed: " in lines[2]
    assert main(["benchmark", str(damaged), "--runtime", "onnxruntime", *SHORT]) == 6
    assert "nothing could be measured; bad.onnx" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["nothing.onnx"], 6, "does not exist"),
        (["notes.txt"], 6, "not a file that a runtime opens"),
        (["."], 6, "holds no model file"),
        (["latin63"], 6, "did you mean latin62"),
        (["MODEL", "--data", "none"], 3, "no such file or folder"),
        (["MODEL", "--data", "empty"], 3, "holds no pictures"),
        (["MODEL", "--data", "strange"], 3, "the models know none of its labels"),
        (["--runs", "0"], 2, "--runs"),
        (["--batch", "0"], 2, "--batch is '0'"),
        (["--threads", "two"], 2, "--threads is 'two'"),
        (["--threads", "9999"], 5, "9999 threads wanted"),
        (["--runtime", "tensorrt"], 2, "tensorrt"),
        (["--save", "notes.txt/out.json"], 2, "notes.txt cannot be written"),
        (["--html", "."], 2, "is a folder"),
        (["--fail-if-slower", "20%"], 2, "needs --compare"),
        (["--compare", "notes.txt"], 3, "give a file that --save wrote"),
        (["MODEL", "--device", "cuda", "--runtime", "opencv"], 5, "opencv runs on the CPU"),
    ],
)
def test_bad_input_is_one_sentence_and_its_code(
    words: list[str],
    code: int,
    says: str,
    model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("notes.txt").write_text("no model")
    Path("empty").mkdir()
    for name in ("ä", "ö"):
        Path("strange", name).mkdir(parents=True)
        cv2.imwrite(f"strange/{name}/1.png", written("1"))
    given = [str(model) if word == "MODEL" else word for word in words]
    assert main(["benchmark", *given, *(SHORT if "MODEL" in words else [])]) == code
    last = capfd.readouterr().err.splitlines()[-1]
    assert last.startswith("hwr-edge: error: ")
    assert says in last


@pytest.mark.skipif(sys.platform != "linux", reason="looks for its children in /proc")
def test_ctrl_c_saves_what_there_is(model: Path, tmp_path: Path) -> None:
    save = tmp_path / "out.json"
    words = ["--runtime", "onnxruntime", "--device", "cpu", "--runs", "100000000", "--max-seconds", "600"]
    process = subprocess.Popen(
        [*entry(), str(model), *words, "--save", str(save)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    while not children.read_text():  # until the first candidate has its turn
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    assert process.returncode == 130, err
    assert "marked partial" in err
    found = json.loads(save.read_text())
    assert (found["partial"], found["results"][0]["status"]) == (True, "interrupted")
    assert "interrupted" in out


def test_rounds_before_ctrl_c_count(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measure, rounds = child.run, iter(range(9))

    def run(job: dict[str, Any], seconds: float) -> dict[str, Any]:
        if next(rounds) == 1:
            return {"status": "interrupted", "error": "during import"}
        return measure(job, seconds)

    monkeypatch.setattr(child, "run", run)
    save = str(tmp_path / "out.json")
    words = ["--runtime", "onnxruntime", *SHORT, "--rounds", "3", "--save", save]
    assert main(["benchmark", str(model), *words]) == 130
    assert "marked partial" in capsys.readouterr().err
    (row,) = json.loads(Path(save).read_text())["results"]
    assert row["latency_ms"]["n"] > 0
    assert (row["status"], row["rounds"]) == ("interrupted", 2)
