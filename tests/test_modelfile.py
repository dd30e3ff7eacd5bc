"""The spec travels inside the file: what is written is what is read, and the model's own bytes stay."""

import contextlib
import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hwr_edge import modelfile
from hwr_edge.errors import ModelFileError
from hwr_edge.spec import InputSpec, ModelSpec

# The smallest file of each kind: an ONNX with an IR version and an empty graph, a TFLite header, a Keras zip.
ONNX = b"\x08\x08" + b"\x3a\x00" + b"\x42\x02\x10\x0d"
TFLITE = b"\x1c\x00\x00\x00TFL3" + bytes(range(64))
SUFFIXES = (".onnx", ".tflite", ".keras")

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
plain = st.dictionaries(texts, texts | st.integers(-9, 9) | st.booleans() | st.none(), max_size=3)
specs = st.builds(
    ModelSpec,
    name=texts,
    labels=st.lists(texts, min_size=1, max_size=80, unique=True).map(tuple),
    input=st.builds(
        InputSpec,
        height=st.integers(16, 299),
        width=st.integers(16, 299),
        channels=st.sampled_from([1, 3]),
        ink=st.sampled_from(["light", "dark"]),
        fit=st.sampled_from(["contain", "stretch"]),
        margin=st.integers(0, 7),
    ),
    temperature=st.floats(0.01, 10),
    reject_below=st.floats(0, 1),
    training=plain,
    quantisation=plain,
    metrics=plain,
    licence=texts,
)
SPEC = ModelSpec("tiny", ("a", "ㅕ", "0"), InputSpec(28, 28))


def make(folder: Path, suffix: str) -> Path:
    path = folder / f"model{suffix}"
    if suffix == ".keras":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("config.json", "{}")
            archive.writestr("model.weights.h5", bytes(500))
    else:
        path.write_bytes(ONNX if suffix == ".onnx" else TFLITE)
    return path


@pytest.mark.parametrize("suffix", SUFFIXES)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(first=specs, second=specs)
def test_what_is_written_is_read_and_replaced(
    tmp_path: Path, suffix: str, first: ModelSpec, second: ModelSpec
) -> None:
    path = make(tmp_path, suffix)
    modelfile.write_spec(path, first)
    assert modelfile.read_spec(path) == first
    modelfile.write_spec(path, second)
    assert modelfile.read_spec(path) == second
    assert [file.name for file in tmp_path.iterdir()] == [path.name]  # no temporary file is left
    once = path.read_bytes()
    modelfile.write_spec(path, second)
    assert path.read_bytes() == once  # nothing grows, and equal models have equal hashes


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
def test_the_models_own_bytes_stay_in_front(tmp_path: Path, suffix: str) -> None:
    path = make(tmp_path, suffix)
    before = path.read_bytes()
    modelfile.write_spec(path, SPEC)
    assert path.read_bytes().startswith(before)


def test_members_of_a_keras_file_stay(tmp_path: Path) -> None:
    path = make(tmp_path, ".keras")
    modelfile.write_spec(path, SPEC)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["config.json", "model.weights.h5", "hwr_edge.json"]
        assert archive.read("model.weights.h5") == bytes(500)


def test_other_tools_find_the_labels(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = make(tmp_path, ".onnx")
    modelfile.write_spec(path, SPEC)
    props = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
    assert json.loads(props["names"]) == list(SPEC.labels)
    assert props["character"].split("\n") == list(SPEC.labels)
    lite = make(tmp_path, ".tflite")
    modelfile.write_spec(lite, SPEC)
    with zipfile.ZipFile(lite) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(SPEC.labels)


def test_metadata_that_onnx_wrote_is_kept(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = make(tmp_path, ".onnx")
    model = onnx.load(path)
    model.metadata_props.add(key="author", value="someone else")
    onnx.save(model, path)
    modelfile.write_spec(path, SPEC)
    props = {prop.key: prop.value for prop in onnx.load(path).metadata_props}
    assert props["author"] == "someone else"


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_no_metadata_says_how_to_add_it(tmp_path: Path, suffix: str) -> None:
    with pytest.raises(ModelFileError, match="write_spec"):
        modelfile.read_spec(make(tmp_path, suffix))


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("damage", ["empty", "cut", "noise", "text"])
def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path, suffix: str, damage: str) -> None:
    path = make(tmp_path, suffix)
    whole = path.read_bytes()
    cuts = {"empty": b"", "cut": whole[:3], "noise": bytes(range(255, 0, -1)), "text": b"404: not found"}
    path.write_bytes(cuts[damage])
    with pytest.raises(ModelFileError, match=path.name):
        modelfile.read_spec(path)
    with pytest.raises(ModelFileError, match=path.name):
        modelfile.write_spec(path, SPEC)
    assert path.read_bytes() == cuts[damage]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_can_make_the_onnx_reader_crash(data: bytes) -> None:
    with contextlib.suppress(ModelFileError):
        modelfile.parse_spec(data, Path("noise.onnx"))


def test_missing_file_and_unknown_kind(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"none\.onnx cannot be read: No such file"):
        modelfile.read_spec(tmp_path / "none.onnx")
    other = tmp_path / "model.pt"
    other.write_bytes(b"x")
    with pytest.raises(ModelFileError, match="expected one of"):
        modelfile.read_spec(other)


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path, ".onnx")

    def fail(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="no space"):
        modelfile.write_spec(path, SPEC)
    assert path.read_bytes() == ONNX
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_sha256(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"abc")
    assert modelfile.sha256(path).startswith("ba7816bf8f01cfea")
