"""The whole way from a Keras model to files that passed their checks, as a user types it.

TensorFlow runs in processes of its own: it is slow to load, and nothing else of the tests may see it.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwr_edge.modelfile import read_spec, sha256
from hwr_edge.runtimes import installed, open_runtime
from tests.exporting import export

pytest.importorskip("tensorflow", reason="exporting needs the export extra")
pytest.importorskip("tf2onnx", reason="exporting needs the export extra")


KINDS = ("none", "fp16", "dynamic", "int8", "int8-mixed", "int8-qat")
FILES = tuple(
    f"tiny{'' if kind == 'none' else f'.{kind}'}.{form}" for form in ("onnx", "tflite") for kind in KINDS
)


@pytest.fixture(scope="module")
def output(trained: Path) -> str:
    """What exporting it to every form printed; the files are in out/."""
    done = export(
        trained,
        "-o",
        "out",
        "--quant",
        ",".join(KINDS),
        "--calibration",
        "train.npz",
        "--calibration-size",
        "128",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_every_file_is_there_and_nothing_else(trained: Path, output: str) -> None:
    assert sorted(path.name for path in (trained / "out").iterdir()) == sorted([*FILES, "export_report.json"])
    for name in FILES:
        assert name in output
    assert output.splitlines()[0].startswith("file ")  # results only, no chatter of converters
    assert output.splitlines()[-1].startswith("next: hwr-edge predict --model out")


def test_the_report_is_within_the_limits(trained: Path, output: str) -> None:
    report = json.loads((trained / "out" / "export_report.json").read_text())
    assert report["schema"] == "hwr-edge/export/2"
    assert [file["file"] for file in report["files"]] == list(FILES)
    for file in report["files"]:
        limits = {"none": (1e-4, 1.0), "fp16": (1e-2, 0.999)}.get(file["kind"], (1.0, 0.99))
        for parity in file["parity"]:
            assert parity["images"] == 600
            assert parity["accuracy_keras"] > 0.9
            assert parity["max_diff"] <= limits[0]
            assert parity["agreement"] >= limits[1]
            low, high = parity["drop_interval"]
            assert low <= parity["drop"] <= high and low < high
        runtimes = {parity["runtime"] for parity in file["parity"]}
        wanted = {"onnxruntime", "openvino"} if file["file"].endswith("onnx") else {"litert"}
        if file["file"] in ("tiny.onnx", "tiny.fp16.onnx"):
            wanted.add("opencv")
        assert runtimes == wanted & set(installed())


def test_the_audit_tells_what_is_inside(trained: Path, output: str) -> None:
    report = json.loads((trained / "out" / "export_report.json").read_text())
    inside = {file["file"]: file["audit"] for file in report["files"]}
    assert set(inside["tiny.onnx"]["arithmetic"]) == {"float32"}
    for name, found in inside.items():
        # By hand from the shapes of the layers; where the last one is int8 TFLite, it runs four times.
        thrice = 3 * 48 * 10 if found["arithmetic"].get("int8", {}).get("FULLY_CONNECTED", 0) == 4 else 0
        assert found["macs"] == 300_720 + thrice, name
        assert found["parameters"] >= 5_542
    for form, layer in (("onnx", "Conv"), ("tflite", "CONV_2D")):
        assert inside[f"tiny.int8.{form}"]["arithmetic"]["int8"][layer] >= 3
        assert inside[f"tiny.int8.{form}"]["arithmetic"]["float32"].keys() <= {"Softmax", "ADD", "SOFTMAX"}
        mixed = inside[f"tiny.int8-mixed.{form}"]["arithmetic"]
        assert len(mixed["float32"]) > 1 or sum(mixed["float32"].values()) > 1  # some layer stayed float
        assert inside[f"tiny.fp16.{form}"]["weight_bytes"]["float16"] > 8000


@pytest.mark.parametrize("name", FILES)
def test_the_file_says_all_about_itself(trained: Path, output: str, name: str) -> None:
    spec = read_spec(trained / "out" / name)
    assert (spec.name, spec.labels, spec.input.height) == ("tiny", tuple("0123456789"), 24)
    assert spec.metrics["trained"] is True
    assert spec.metrics["export"]["images"] == 600
    assert spec.metrics["export"]["data_sha256"] == sha256(trained / "test.npz")
    about = spec.quantisation
    assert about["tools"]["keras"] and about["min_runtime"]
    kind = name.removeprefix("tiny.").rpartition(".")[0]
    assert about["kind"] == (kind or "float32")
    assert ("fine_tuning" in about) == (kind == "int8-qat")
    assert ("float_layers" in about) == (kind == "int8-mixed")
    if kind.startswith("int8"):
        calibration = about["calibration"]
        assert calibration["data_sha256"] == sha256(trained / "train.npz")
        assert (calibration["images"], calibration["seed"]) == (128, 0)
        assert calibration["method"] in ("minmax", "percentile-99.99", "percentile-99.999", "entropy")


@pytest.mark.parametrize("name", FILES)
def test_confidences_are_not_steps(trained: Path, output: str, name: str) -> None:
    """A softmax in int8 knows 256 values; in float hardly two answers are the same."""
    runtime = open_runtime(trained / "out" / name)
    with np.load(trained / "test.npz") as arrays:
        images = arrays["images"]
    answers = runtime.run(images)
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-5)
    assert not np.allclose(answers * 256, np.round(answers * 256), atol=1e-3)
    near = 0.02 if name == "tiny.dynamic.onnx" else 1e-5  # it takes one range for a whole batch
    np.testing.assert_allclose(runtime.run(images[:1]), answers[:1], atol=near)  # whatever the batch
    np.testing.assert_allclose(runtime.run(images[:20]), answers[:20], atol=near)


def test_int8_logits_take_more_values_than_a_byte_has(trained: Path, output: str) -> None:
    with np.load(trained / "test.npz") as arrays:
        answers = np.log(open_runtime(trained / "out" / "tiny.int8.tflite").run(arrays["images"]))
    known = answers > -15  # below, float32 has no room for all of the logit
    differences = (answers - answers[:, :1])[known & known[:, :1]]
    assert len(np.unique(np.round(differences, 3))) > 511  # of two bytes' differences there are no more


def test_int8_onnx_is_really_int8(trained: Path, output: str, tmp_path: Path) -> None:
    """As onnxruntime will run it: every convolution in int8, and no float left between pixels and logits."""
    ort = pytest.importorskip("onnxruntime")
    import onnx

    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 4
    ort.InferenceSession(str(trained / "out" / "tiny.int8.onnx"), options, providers=["CPUExecutionProvider"])
    operators = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert operators.count("QLinearConv") == 5
    assert not {"Conv", "FusedConv", "Gemm", "MatMul", "Cast", "BatchNormalization"} & set(operators)
    assert operators[-1] == "Softmax"


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith("onnx")])
def test_onnx_is_as_old_and_tidy_as_it_can_be(trained: Path, output: str, name: str) -> None:
    import onnx

    model = onnx.load(trained / "out" / name)
    opset = 13 if ".int8" in name else 11
    assert model.ir_version == (7 if opset == 13 else 6)
    assert [entry.version for entry in model.opset_import] == [opset]
    assert read_spec(trained / "out" / name).quantisation["min_runtime"] == {
        "onnxruntime": "1.6" if opset == 13 else "1.0"
    }
    pixels, answer = model.graph.input[0], model.graph.output[0]
    assert (pixels.name, answer.name) == ("image", "probabilities")
    assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert pixels.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert answer.type.tensor_type.shape.dim[0].dim_param == "batch"
    read = {name for node in model.graph.node for name in node.input} | {"probabilities"}
    assert all(read & set(node.output) for node in model.graph.node)  # nothing dangles
    assert all(tensor.name in read for tensor in model.graph.initializer)
    assert not {node.op_type for node in model.graph.node} & {"BatchNormalization", "Transpose", "Identity"}


def test_int8_tflite_is_really_int8(trained: Path, output: str) -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    data = (trained / "out" / "tiny.int8.tflite").read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph: Any = model.subgraphs[0]
    kinds = schema.TensorType
    names = {value: key for key, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    operators = [names[model.operatorCodes[node.opcodeIndex].builtinCode] for node in graph.operators]
    assert operators[0] == "QUANTIZE"
    assert operators[-4:] == ["FULLY_CONNECTED", "DEQUANTIZE", "ADD", "SOFTMAX"]
    weights = [tensor for tensor in graph.tensors if model.buffers[tensor.buffer].data is not None]
    assert {tensor.type for tensor in weights} <= {kinds.INT8, kinds.INT32}
    floats = [tensor for tensor in graph.tensors if tensor.type == kinds.FLOAT32]
    assert len(floats) == 8  # four parts of the logits, what they add up to, and probabilities
    layers = [
        node for node, name in zip(graph.operators, operators, strict=True) if name == "FULLY_CONNECTED"
    ]
    assert len(layers) == 4 and len({node.inputs[1] for node in layers}) == 1  # on the same weights
    assert graph.tensors[graph.inputs[0]].type == kinds.UINT8
    with zipfile.ZipFile(trained / "out" / "tiny.int8.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == list("0123456789")


def test_int8_is_smaller(trained: Path, output: str) -> None:
    sizes = {name: (trained / "out" / name).stat().st_size for name in FILES}
    assert sizes["tiny.int8.tflite"] < 0.8 * sizes["tiny.tflite"]


def test_batch_opset_and_ir_version_are_what_was_asked_for(trained: Path) -> None:
    import onnx

    done = export(
        trained, "-o", "asked", "--quant", "none", "--batch", "4", "--opset", "15", "--ir-version", "9"
    )
    assert done.returncode == 0, done.stderr
    assert "needs onnxruntime 1.15 or newer; opset 15, IR 9" in done.stdout
    model = onnx.load(trained / "asked" / "tiny.onnx")
    assert (model.opset_import[0].version, model.ir_version) == (15, 9)
    assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_value == 4
    with np.load(trained / "test.npz") as arrays:
        images = arrays["images"][:7]
    free, fixed = (open_runtime(trained / name / "tiny.tflite").run(images) for name in ("out", "asked"))
    np.testing.assert_allclose(free, fixed, atol=1e-5)


def test_labelled_pictures_are_cut_as_the_recogniser_cuts_them(tmp_path: Path) -> None:
    import cv2

    from export.samples import read_samples
    from hwr_edge.image import to_batch
    from hwr_edge.spec import InputSpec, ModelSpec

    spec = ModelSpec("two", ("0", "1"), InputSpec(24, 24))
    for label in spec.labels:
        picture = np.full((60, 50), 255, np.uint8)
        cv2.putText(picture, label, (12, 45), cv2.FONT_HERSHEY_SIMPLEX, 1.2, 0, 3)
        (tmp_path / label).mkdir()
        cv2.imwrite(str(tmp_path / label / "a.png"), picture)
    found = read_samples(tmp_path, spec)
    assert found.images.shape == (2, 24, 24, 1) and found.images.dtype == np.uint8
    assert found.labels.tolist() == [0, 1]
    assert found.images.max() == 255 and (found.images[:, :2] == 0).all()  # ink is light, the margin empty
    assert to_batch([np.full((9, 3), 255, np.uint8)], spec.input).shape[1:] == found.images.shape[1:]
