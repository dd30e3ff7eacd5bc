"""Parameters and multiply-accumulates are those that can be worked out by hand, in every format."""

from pathlib import Path

import numpy as np
import pytest

from hwr_edge import macs
from hwr_edge.errors import ModelFileError


def write(path: Path, quantised: bool = False, unknown: bool = False) -> Path:
    """A convolution 3x3 with stride 2 from 1 to 4 channels on 8x8, a pool, a dense layer to 5 classes."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    zeros = {
        "kernel": np.zeros((4, 1, 3, 3), np.int8 if quantised else np.float32),
        "bias": np.zeros(4, np.float32),
        "dense": np.zeros((16, 5), np.float32),
        "scale": np.ones((), np.float32),
    }
    shapes = {"nchw": np.array([0, 1, 8, 8], np.int64), "flat": np.array([-1, 16], np.int64)}
    kernel = "real" if quantised else "kernel"
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["pixels", "nchw"], ["planes"]),
        *([helper.make_node("DequantizeLinear", ["kernel", "scale"], ["real"])] if quantised else []),
        helper.make_node("Conv", ["planes", kernel, "bias"], ["a"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Frobnicate" if unknown else "Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["c", "flat"], ["d"]),
        helper.make_node("MatMul", ["d", "dense"], ["e"]),
        helper.make_node("Softmax", ["e"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 8, 8, 1])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["batch", 5])],
        [numpy_helper.from_array(value, name) for name, value in (zeros | shapes).items()],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.mark.parametrize("quantised", [False, True])
def test_an_onnx_file_is_counted_as_by_hand(tmp_path: Path, quantised: bool) -> None:
    found = macs.count(write(tmp_path / "a.onnx", quantised))
    assert found == macs.Work(parameters=36 + 4 + 80, macs=4 * 4 * 4 * 9 + 16 * 5)


def test_an_operator_of_unknown_shape_leaves_the_work_open(tmp_path: Path) -> None:
    found = macs.count(write(tmp_path / "a.onnx", unknown=True))
    assert found == macs.Work(parameters=36 + 4 + 80, macs=None)


@pytest.mark.parametrize("name", ["digits", "latin62", "hangul"])
def test_every_form_of_a_bundled_model_does_the_same_work(bundled: Path, name: str) -> None:
    forms = (".onnx", ".int8.onnx", ".int8.tflite")
    plain, int8, lite = (macs.count(bundled / f"{name}{form}") for form in forms)
    assert plain and plain == int8 and lite
    assert 100_000 < plain.parameters < 300_000
    assert plain.macs and lite.macs
    assert 5e6 < plain.macs < 20e6
    # The last layer of an int8 TFLite file may run four times, each with a bias of its own.
    assert plain.parameters <= lite.parameters < 1.001 * plain.parameters
    assert plain.macs <= lite.macs < 1.002 * plain.macs


def test_other_files(tmp_path: Path) -> None:
    (tmp_path / "a.keras").write_bytes(b"")
    assert macs.count(tmp_path / "a.keras") is None
    for name in ("a.onnx", "a.tflite"):
        (tmp_path / name).write_bytes(b"\x01\x02\x03" * 9)
        with pytest.raises(ModelFileError, match="damaged"):
            macs.count(tmp_path / name)
