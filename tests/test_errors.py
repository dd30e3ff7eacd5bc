"""Bad input and missing parts: one line on stderr that says what to do, the right exit code, no traceback."""

import os
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

import hwr_edge
from hwr_edge.cli import main
from hwr_edge.errors import (
    CheckFailed,
    DataError,
    DeviceError,
    HwrError,
    ImageError,
    ModelFileError,
    RecipeError,
    RuntimeMissingError,
)
from tests.fakes import write_onnx, written
from tests.test_image import png_of

ROOT = Path(hwr_edge.__file__).parent.parent


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_onnx(tmp_path_factory.mktemp("model") / "digits.onnx")


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1, err
    assert err.startswith("hwr-edge: error: ")
    return err


def bad_file(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.png"
    png = cv2.imencode(".png", np.random.default_rng(0).integers(0, 255, (99, 99), np.uint8))[1].tobytes()
    jpeg = cv2.imencode(".jpg", np.random.default_rng(0).integers(0, 255, (99, 99), np.uint8))[1].tobytes()
    content = {
        "text": b"Dear Martha, this is no picture",
        "png": png[: len(png) // 2],
        "jpeg": jpeg[: len(jpeg) // 2],
        "nothing": b"",
        "dot": cv2.imencode(".png", np.zeros((1, 1), np.uint8))[1].tobytes(),
        "giant": png_of(30_000, 30_000),
    }
    if kind == "folder":
        path.mkdir()
    elif kind in content:
        path.write_bytes(content[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("text", "not a picture that can be read: give PNG"),
        ("png", "cut off or damaged: copy or save it again"),
        ("jpeg", "cut off or damaged: copy or save it again"),
        ("nothing", "empty .0 bytes.: save or copy it again"),
        ("dot", "1x1 pixels is too small.*give at least"),
        ("giant", "30000x30000 pixels is more than.*make it smaller"),
        ("folder", "no pictures in this folder: give PNG"),
        ("missing", "no such file: check the path"),
    ],
)
def test_bad_input_is_one_line_and_code_3(
    kind: str, says: str, tmp_path: Path, model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = bad_file(kind, tmp_path)
    assert main(["predict", str(path), "-m", str(model)]) == 3
    line = one_line(capfd)
    assert str(path) in line
    assert re.search(says, line)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_code_3(
    tmp_path: Path, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "locked.png"
    path.write_bytes(b"\x89PNG")
    path.chmod(0)
    assert main(["predict", str(path), "-m", str(model)]) == 3
    assert "permissions" in one_line(capsys)


def test_unreadable_for_any_reason_names_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(ImageError, match="may not be read: check its permissions"):
        hwr_edge.load("note.png")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["-m", "latin63"], 6, "latin63"),
        (["-m", "gone.onnx"], 6, "gone.onnx"),
        (["-m", "{plain}"], 6, "no hwr-edge metadata"),
        (["-m", "{model}", "--device", "cuda", "--runtime", "opencv"], 5, "cpu"),
        (["-m", "{model}", "--runtime", "litert"], 6, "does not open"),
    ],
)
def test_model_runtime_and_device_errors_have_their_codes(
    words: list[str], code: int, says: str, model: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import onnx

    plain = tmp_path / "plain.onnx"
    bare = onnx.load(model)
    del bare.metadata_props[:]
    onnx.save(bare, plain)
    picture = tmp_path / "one.png"
    cv2.imwrite(str(picture), written("1"))
    filled = [word.format(plain=plain, model=model) for word in words]
    assert main(["predict", str(picture), *filled]) == code
    assert says in one_line(capfd)


def test_errors_are_also_what_a_caller_expects_to_catch() -> None:
    tree = {
        ImageError: (ValueError, 3),
        ModelFileError: (ValueError, 6),
        RuntimeMissingError: (ImportError, 5),
        DeviceError: (RuntimeError, 5),
        RecipeError: (ValueError, 2),
        DataError: (ValueError, 3),
        CheckFailed: (HwrError, 4),
    }
    for kind, (builtin, code) in tree.items():
        assert issubclass(kind, HwrError)
        assert issubclass(kind, builtin)
        assert kind.exit_code == code


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        ("libGL.so.1: cannot open shared object file: No such file or directory", "libGL.so.1"),
        ("libgthread-2.0.so.0: cannot open shared object file", "libgthread"),
    ],
)
def test_a_missing_system_library_names_both_mends(reason: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "cv2").mkdir()
    (tmp_path / "cv2" / "__init__.py").write_text(f"raise ImportError({reason!r})")
    done = subprocess.run(
        [sys.executable, "-m", "hwr_edge", "predict", "a.png"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert len(done.stderr.splitlines()) == 1
    for part in (says, "apt-get install libgl1", "opencv-python-headless"):
        assert part in done.stderr
