"""Looking into model files without their libraries, and `hwr-edge inspect`, which shows it."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwr_edge import anatomy
from hwr_edge.arithmetic import arithmetic
from hwr_edge.cli import inspect
from hwr_edge.errors import ModelFileError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An ONNX file with one of everything that is counted."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["float", "a"], ["x"]),
            helper.make_node("Mul", ["x", "b"], ["probabilities"]),
        ],
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 3, 5, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 3, 5, 300])],
        [
            helper.make_tensor("a", TensorProto.FLOAT, [1, 300], [1.0] * 300),
            helper.make_tensor("b", TensorProto.FLOAT, [], [1.0]),
        ],
    )
    path = tmp_path_factory.mktemp("anatomy") / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


def test_onnx_is_read_as_it_was_written(model: Path) -> None:
    assert anatomy.dissect(model) == anatomy.Anatomy(
        format="onnx, IR 8, opset 13",
        inputs=(anatomy.Tensor("image", "uint8", ("batch", 3, 5, 1)),),
        outputs=(anatomy.Tensor("probabilities", "float32", ("batch", 3, 5, 300)),),
        operators={"Mul": 2, "Cast": 1},
        weight_bytes={"float32": 1204},
    )


def test_a_file_without_metadata_is_shown_all_the_same(model: Path) -> None:
    found = inspect.report(model)
    assert found["spec"] is None
    text = inspect.as_text(found)
    assert "image uint8 (batch, 3, 5, 1)" in text
    assert "Mul x2, Cast x1" in text
    assert "none of hwr-edge" in text


@pytest.mark.parametrize("suffix", [".onnx", ".tflite"])
@settings(deadline=None)
@given(data=st.binary(max_size=300))
def test_no_bytes_make_it_crash(tmp_path_factory: pytest.TempPathFactory, suffix: str, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"noise{suffix}"
    path.write_bytes(data if suffix == ".onnx" else data[:4] + b"TFL3" + data[4:])
    with contextlib.suppress(ModelFileError):
        anatomy.dissect(path)


def test_a_file_cut_short_is_named(model: Path, tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(model.read_bytes()[:100])
    with pytest.raises(ModelFileError, match=r"cut\.onnx is damaged"):
        anatomy.dissect(path)


@pytest.mark.parametrize("form", [".onnx", ".int8.onnx", ".int8.tflite"])
def test_bundled_models_without_any_of_their_libraries(bundled: Path, form: str) -> None:
    code = (
        "import sys; from hwr_edge.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'tensorflow', 'keras', 'onnx', 'onnxruntime', 'openvino'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "inspect", f"digits{form}", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["schema"] == "hwr-edge/inspect/1"
    assert found["spec"]["labels"] == list("0123456789")
    assert found["graph"]["inputs"][0]["name"] == "image"
    weights = found["graph"]["weight_bytes"]
    floats = weights.get("float32", 0) / sum(weights.values())
    assert floats < 0.05 if ".int8." in form else floats > 0.95


def test_arithmetic_follows_the_dtypes(tmp_path: Path, model: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    assert arithmetic(model) == {"float32": {"Mul": 2}}
    nodes = [
        helper.make_node("DequantizeLinear", ["image", "scale", "zero"], ["x"]),
        helper.make_node("DequantizeLinear", ["codes", "scale", "zero"], ["w"]),
        helper.make_node("Flatten", ["x"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["y"]),  # 8 bits in, so int8
        helper.make_node("MatMul", ["y", "plain"], ["z"]),  # floats in
        helper.make_node("Softmax", ["x"], ["s"]),  # nobody has it in int8
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 2])],
        [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 2])],
        [
            helper.make_tensor("scale", TensorProto.FLOAT, [], [0.1]),
            helper.make_tensor("zero", TensorProto.UINT8, [], [0]),
            helper.make_tensor("codes", TensorProto.UINT8, [2, 2], [1, 2, 3, 4]),
            helper.make_tensor("plain", TensorProto.FLOAT, [2, 2], [1.0] * 4),
        ],
    )
    onnx.save(helper.make_model(graph), tmp_path / "mixed.onnx")
    found = arithmetic(tmp_path / "mixed.onnx")
    assert found == {"int8": {"Flatten": 1, "MatMul": 1}, "float32": {"MatMul": 1, "Softmax": 1}}


def test_the_bundled_int8_files_compute_in_int8(bundled: Path) -> None:
    for path in (*bundled.glob("*.int8.onnx"), *bundled.glob("*.int8.tflite")):
        found = arithmetic(path)
        assert sum(found["int8"].values()) > 8
        floats = dict(found["float32"])
        if path.suffix == ".tflite":
            assert floats.pop("ADD", 0) in (0, 3)  # parts of the logits
        assert {name.upper() for name in floats} == {"SOFTMAX"}
