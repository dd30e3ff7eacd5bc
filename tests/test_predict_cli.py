"""`hwr-edge predict` as users type it; in this process with a made-up model, and as a process of its own."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

import hwr_edge
from hwr_edge.cli import main
from hwr_edge.cli.options import RuntimeName
from hwr_edge.runtimes import RUNTIMES
from hwr_edge.sources import expand, natural_key
from tests.fakes import fake_recognizer, write_onnx, written

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line; its exit code, stdout and stderr."""
    recognizer = fake_recognizer()
    monkeypatch.setattr(hwr_edge, "Recognizer", lambda *_: recognizer, raising=False)

    def run(*words: object) -> tuple[int, str, str]:
        code = main([str(word) for word in words])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("2", "10", "1"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), written(name))
    return tmp_path


def test_one_input_prints_its_text_and_nothing_else(run: Run, folder: Path) -> None:
    assert run("predict", folder / "10.png") == (0, "10\n", "")


def test_a_folder_is_read_in_natural_order(run: Run, folder: Path) -> None:
    (folder / "notes.txt").write_text("no picture")
    (folder / "sub.png").mkdir()
    code, out, err = run("predict", folder)
    assert [line.split(": ")[1] for line in out.splitlines()] == ["1", "2", "10"]
    assert (code, err) == (0, "")


def test_files_folders_and_patterns_mix_and_repeat_nothing(run: Run, folder: Path) -> None:
    _, out, _ = run("predict", folder / "10.png", "--layout", "word", folder / "1*.png", folder)
    assert [line.split(": ")[1] for line in out.splitlines()] == ["10", "1", "2"]


def test_sources_that_lead_nowhere_say_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    none, empty, missing = expand([f"{tmp_path}/*.png", str(tmp_path / "empty"), "missing.png"])
    assert none.error
    assert empty.error
    assert missing.error is None  # reading it tells
    assert sorted(["b10", "B2", "a"], key=natural_key) == ["a", "B2", "b10"]


def test_one_bad_file_does_not_stop_the_others(run: Run, folder: Path) -> None:
    (folder / "3.png").write_bytes(b"not a picture at all")
    code, out, err = run("predict", folder, "--format", "json")
    assert code == 3
    records = json.loads(out)
    assert [record.get("text") for record in records] == ["1", "2", None, "10"]
    assert records[2]["input"].endswith("3.png")
    assert list(records[2]["error"]) == ["type", "message"]
    assert records[2]["error"]["type"] == "ImageError"
    assert len(err.splitlines()) == 1
    assert "3.png" in err


def test_an_error_not_foreseen_is_one_line_and_code_1(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recognizer = hwr_edge.Recognizer()
    plain = recognizer.predict

    def predict(picture: str, *options: object) -> object:
        if picture.endswith("2.png"):
            raise ZeroDivisionError("two\nlines")
        return plain(picture, *options)  # type: ignore[arg-type]

    monkeypatch.setattr(recognizer, "predict", predict)
    code, out, err = run("predict", folder)
    assert (code, len(out.splitlines()), len(err.splitlines())) == (1, 2, 1)
    assert "ZeroDivisionError: two lines" in err
    assert "Traceback" in run("predict", folder, "--verbose")[2]


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_json_is_an_array_and_jsonl_an_object_a_line(run: Run, folder: Path, kind: str) -> None:
    _, out, _ = run("predict", folder, "--format", kind)
    records = json.loads(out) if kind == "json" else [json.loads(line) for line in out.splitlines()]
    assert [record["text"] for record in records] == ["1", "2", "10"]
    assert {record["schema"] for record in records} == {"hwr-edge/predict/1"}


def test_csv_has_a_row_an_input(run: Run, folder: Path) -> None:
    (folder / "bad, name.png").write_bytes(b"")
    _, out, _ = run("predict", folder, "--format", "csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert [row["text"] for row in rows] == ["1", "2", "10", ""]
    assert rows[3]["input"].endswith("bad, name.png")
    assert "empty" in rows[3]["error"]
    assert float(rows[0]["confidence"]) > 0


def test_output_goes_to_a_file_whole_or_not_at_all(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder / "out" / "read.jsonl"
    assert run("predict", folder, "-o", target)[0] == 2  # there is no such folder
    target.parent.mkdir()
    assert run("predict", folder, "--format", "jsonl", "-o", target)[:2] == (0, "")
    assert len(target.read_text().splitlines()) == 3
    before = target.read_bytes()

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(hwr_edge.Recognizer(), "predict", interrupted)
    assert run("predict", folder, "-o", target)[0] == 130
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["read.jsonl"]


def test_annotated_pictures_do_not_overwrite_each_other(run: Run, folder: Path) -> None:
    (folder / "more").mkdir()
    cv2.imwrite(str(folder / "more" / "1.png"), written("1"))
    run("predict", folder / "1.png", folder / "more" / "1.png", "--save-vis", folder / "vis")
    assert sorted(path.name for path in (folder / "vis").iterdir()) == ["1-2.png", "1.png"]
    assert cv2.imread(str(folder / "vis" / "1-2.png")) is not None


def test_a_blank_picture_prints_an_empty_line_and_says_blank(run: Run, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "b.png"), written(" "))
    code, out, err = run("predict", tmp_path / "b.png")
    assert (code, out) == (0, "\n")
    assert "blank" in err
    assert run("predict", tmp_path / "b.png", "--quiet") == (0, "\n", "")


def test_options_reach_the_recogniser(run: Run, folder: Path) -> None:
    words = (
        "--layout",
        "char",
        "--charset",
        "2-5",
        "--top-k",
        "3",
        "--min-confidence",
        "1",
        "--invert",
        "no",
    )
    _, out, err = run("predict", folder / "2.png", *words, "--format", "json")
    (record,) = json.loads(out)
    assert [one["label"] in "2345" for one in record["characters"][0]["alternatives"]] == [True] * 3
    assert record["rejected"] == "low_confidence"
    assert "low confidence" in err


@pytest.mark.parametrize(
    "words",
    [
        ["predict"],
        ["predict", "a.png", "--layout", "round"],
        ["predict", "a.png", "--top-k", "0"],
        ["predict", "a.png", "--min-confidence", "7"],
        ["predict", "a.png", "--charset", "xyz"],
        ["predict", "a.png", "--runtime", "abacus"],
        ["predict", "a.png", "--no-such-option"],
        ["perdict", "a.png"],
    ],
)
def test_wrong_usage_is_one_line_and_code_2(run: Run, words: list[str]) -> None:
    code, out, err = run(*words)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert words[0] != "perdict" or "did you mean predict?" in err


def test_help_names_every_runtime_there_is(run: Run) -> None:
    assert set(RuntimeName) == {"auto", *(entry.name for entry in RUNTIMES)}
    code, out, _ = run("predict", "--help")
    assert code == 0
    assert "--save-vis" in out
    assert run("--help")[0] == 0


def test_version_and_models_answer(run: Run) -> None:
    code, out, _ = run("version")
    assert code == 0
    assert out.startswith("hwr-edge ")
    assert run("--version")[1] == out
    assert run("models")[0] == 0
    assert isinstance(json.loads(run("models", "--json")[1]), list)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_onnx(tmp_path_factory.mktemp("model") / "digits.onnx")


def process(*words: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "hwr_edge", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(Path(hwr_edge.__file__).parent.parent), "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, check=False, env=environment, **options)  # type: ignore[call-overload,no-any-return]


def test_a_process_reads_stdin_with_a_real_runtime(model: Path) -> None:
    data = cv2.imencode(".png", written("273"))[1].tobytes()
    done = process("predict", "-", "-m", model, "--layout", "word", "--format", "json", input=data)
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    assert (record["input"], record["text"], record["device"]) == ("-", "273", "cpu")
    assert record["runtime"] in {"onnxruntime", "openvino", "opencv"}
    assert len(record["model"]["sha256"]) == 64


def test_a_process_ends_quietly_when_its_reader_does(model: Path, folder: Path) -> None:
    script = f"{sys.executable} -m hwr_edge predict {folder} -m {model} --format jsonl | head -c 1"
    done = subprocess.run(
        ["sh", "-c", script],
        capture_output=True,
        check=False,
        cwd=Path(hwr_edge.__file__).parent.parent,
    )
    assert done.stderr == b""


@pytest.mark.skipif(os.name == "nt", reason="no named pipes")
def test_a_pipe_is_written_to_and_never_replaced(run: Run, folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        assert run("predict", folder / "2.png", "-o", pipe) == (0, "", "")
        assert os.read(reader, 100) == b"2\n"
    finally:
        os.close(reader)
    assert pipe.is_fifo()


def test_the_bundled_model_reads_an_example_and_says_nothing_else(bundled: Path) -> None:
    picture = Path(hwr_edge.__file__).parent.parent / "examples" / "number.png"
    done = process("predict", picture, "-m", "digits")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"20581749\n", b"")
