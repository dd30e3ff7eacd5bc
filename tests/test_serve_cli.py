"""`hwr-edge serve` as a process of its own, and what it says when it cannot serve."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from hwr_edge.cli import main
from hwr_edge.errors import ModelFileError, RuntimeMissingError
from hwr_edge.web import folder
from tests.fakes import write_onnx, written

ROOT = Path(__file__).resolve().parent.parent
SERVE = (sys.executable, "-m", "hwr_edge", "serve")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_it_serves_until_it_is_told_to_end(tmp_path: Path, bundled: Path, name: str) -> None:
    import cv2

    model = write_onnx(tmp_path / "fake.onnx")
    command = (*SERVE, "--port", "0", "--model", str(model), "--threads", "1")
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        said = process.stderr.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+", said)
        assert found, said + process.stderr.read()
        with httpx.Client(base_url=found[0], timeout=30) as client:
            picture = cv2.imencode(".png", written("407"))[1].tobytes()
            answer = client.post("/v1/predict", content=picture).json()
            assert (answer["text"], answer["model"]["name"]) == ("407", "fake")
            names = [model["name"] for model in client.get("/v1/models").json()["models"]]
            assert names[0] == "fake"
            assert "latin62" in names
            assert "<title>hwr-edge</title>" in client.get("/").text
        process.send_signal(signal.Signals[name])
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_in_use_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "--port" in err


def test_a_host_that_is_not_here_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--host", "256.0.0.1", "--port", "0"]) == 2
    assert "--host" in capsys.readouterr().err


def test_without_the_extra_it_says_how_to_install_it() -> None:
    code = (
        "import sys; sys.modules['starlette'] = None; from hwr_edge import cli; sys.exit(cli.main(['serve']))"
    )
    done = subprocess.run((sys.executable, "-c", code), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr.endswith('is not installed: pip install "hwr-edge[web]"\n')


def test_a_folder_without_npm_is_an_error_and_leaves_nothing(
    tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert main(["serve", "--static", str(tmp_path / "page")]) == 5
    assert "npm is not installed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("npm", ["echo no network >&2; exit 1", 'echo x > "$6/other.tgz"'])
def test_what_npm_cannot_fetch_is_an_error(
    tmp_path: Path, bundled: Path, monkeypatch: pytest.MonkeyPatch, npm: str
) -> None:
    program = tmp_path / "bin" / "npm"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{npm}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    with pytest.raises(RuntimeMissingError, match=r"no network|another onnxruntime-web"):
        folder.write(tmp_path / "page")
    assert not (tmp_path / "page").exists()


def test_a_folder_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(folder.FolderError, match="not empty"):
        folder.write(tmp_path)


def test_only_onnx_models_go_into_a_folder(tmp_path: Path, bundled: Path) -> None:
    with pytest.raises(ModelFileError, match=r"\.onnx"):
        folder.write(tmp_path / "page", [str(bundled / "digits.int8.tflite")])
