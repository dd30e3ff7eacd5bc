"""The whole way from a Keras model to files that passed their checks, as a user types it.

TensorFlow runs in processes of its own: it is slow to load, and nothing else of the tests may see it.
"""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwr_edge.modelfile import read_spec, sha256
from hwr_edge.runtimes import installed, open_runtime

pytest.importorskip("tensorflow", reason="exporting needs the export extra")
pytest.importorskip("tf2onnx", reason="exporting needs the export extra")

ROOT = Path(__file__).resolve().parent.parent

# A network of the kinds of layer that we ship, taught ten made-up shapes for a moment.
MAKE = """
import os, sys
os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
import keras, numpy as np
from keras import layers as L
from hwr_edge.modelfile import write_spec
from hwr_edge.spec import InputSpec, ModelSpec

keras.utils.set_random_seed(3)
rng = np.random.default_rng(3)
shapes = np.kron(rng.random((10, 6, 6)) > 0.5, np.ones((4, 4)))[..., None]
def draw(count):
    labels = np.arange(count) % 10
    images = shapes[labels] * 200 + rng.normal(0, 25, (count, 24, 24, 1)) + 20
    return np.clip(images, 0, 255).astype(np.uint8), labels

def conv(x, width, stride=1, relu=True):
    x = L.BatchNormalization(momentum=0.6)(L.Conv2D(width, 3, stride, padding="same", use_bias=False)(x))
    return L.ReLU()(x) if relu else x

pixels = keras.Input((24, 24, 1), name="image")
x = conv(L.Rescaling(1 / 255)(pixels), 12, 2)
x = L.ReLU()(L.Add()([x, conv(x, 12, relu=False)]))
x = L.Activation("hard_silu")(L.BatchNormalization(momentum=0.6)(L.DepthwiseConv2D(3, 2, padding="same")(x)))
wide = conv(x, 24)
deep = L.BatchNormalization(momentum=0.6)(L.DepthwiseConv2D(wide.shape[1:3])(wide))
x = L.Concatenate()([L.Flatten()(deep), L.GlobalAveragePooling2D()(wide)])
model = keras.Model(pixels, L.Dense(10, activation="softmax", name="probabilities")(L.Dropout(0.1)(x)))
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
images, labels = draw(640)
model.fit(images, labels, batch_size=32, epochs=3, verbose=0)
model.save("tiny.keras")
write_spec("tiny.keras", ModelSpec("tiny", tuple("0123456789"), InputSpec(24, 24), metrics={"trained": True}))
np.savez("train.npz", images=images, labels=labels)
images, labels = draw(300)
np.savez("test.npz", images=images, labels=labels)
np.savez("noise.npz", images=rng.integers(0, 256, (3000, 24, 24, 1), np.uint8), labels=np.arange(3000) % 10)
"""

FILES = ("tiny.onnx", "tiny.int8.onnx", "tiny.tflite", "tiny.int8.tflite")


def start(code: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *code], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def export(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return start(["-m", "export", "tiny.keras", "--check", "test.npz", *options], folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained model and its images."""
    folder = tmp_path_factory.mktemp("export")
    done = start(["-c", MAKE], folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def output(folder: Path) -> str:
    """What exporting it to every form printed; the files are in out/."""
    done = export(folder, "-o", "out", "--calibration", "train.npz", "--calibration-size", "128")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


def test_every_file_is_there_and_nothing_else(folder: Path, output: str) -> None:
    assert sorted(path.name for path in (folder / "out").iterdir()) == sorted([*FILES, "export_report.json"])
    for name in FILES:
        assert name in output
    assert output.splitlines()[0].startswith("file ")  # results only, no chatter of converters
    assert output.splitlines()[-1].startswith("next: hwr-edge predict --model out")


def test_the_report_is_within_the_limits(folder: Path, output: str) -> None:
    report = json.loads((folder / "out" / "export_report.json").read_text())
    assert report["schema"] == "hwr-edge/export/1"
    assert [file["file"] for file in report["files"]] == list(FILES)
    for file in report["files"]:
        for parity in file["parity"]:
            assert parity["images"] == 300
            assert parity["accuracy_keras"] > 0.9
            assert parity["agreement"] >= (0.99 if ".int8." in file["file"] else 1.0)
            assert ".int8." in file["file"] or parity["max_diff"] <= 1e-4
        runtimes = {parity["runtime"] for parity in file["parity"]}
        wanted = {
            "tiny.onnx": {"onnxruntime", "openvino", "opencv"},
            "tiny.int8.onnx": {"onnxruntime", "openvino"},
        }.get(file["file"], {"litert"})
        assert runtimes == wanted & set(installed())


@pytest.mark.parametrize("name", FILES)
def test_the_file_says_all_about_itself(folder: Path, output: str, name: str) -> None:
    spec = read_spec(folder / "out" / name)
    assert (spec.name, spec.labels, spec.input.height) == ("tiny", tuple("0123456789"), 24)
    assert spec.metrics["trained"] is True
    assert spec.metrics["export"]["images"] == 300
    assert spec.metrics["export"]["data_sha256"] == sha256(folder / "test.npz")
    assert spec.quantisation["tools"]["keras"]
    int8 = ".int8." in name
    assert spec.quantisation["kind"] == ("int8" if int8 else "float32")
    if int8:
        calibration = spec.quantisation["calibration"]
        assert calibration["data_sha256"] == sha256(folder / "train.npz")
        assert (calibration["images"], calibration["seed"]) == (128, 0)
        assert calibration["method"] in ("minmax", "percentile-99.99", "percentile-99.999", "entropy")


@pytest.mark.parametrize("name", FILES)
def test_confidences_are_not_steps(folder: Path, output: str, name: str) -> None:
    """A softmax in int8 knows 256 values; in float hardly two answers are the same."""
    runtime = open_runtime(folder / "out" / name)
    with np.load(folder / "test.npz") as arrays:
        images = arrays["images"]
    answers = runtime.run(images)
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-5)
    assert not np.allclose(answers * 256, np.round(answers * 256), atol=1e-3)
    np.testing.assert_allclose(runtime.run(images[:1]), answers[:1], atol=1e-5)  # whatever the batch
    np.testing.assert_allclose(runtime.run(images[:20]), answers[:20], atol=1e-5)


def test_int8_onnx_is_really_int8(folder: Path, output: str, tmp_path: Path) -> None:
    """As onnxruntime will run it: every convolution in int8, and no float left between pixels and logits."""
    ort = pytest.importorskip("onnxruntime")
    import onnx

    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 4
    ort.InferenceSession(str(folder / "out" / "tiny.int8.onnx"), options, providers=["CPUExecutionProvider"])
    operators = [node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node]
    assert operators.count("QLinearConv") == 5
    assert not {"Conv", "FusedConv", "Gemm", "MatMul", "Cast", "BatchNormalization"} & set(operators)
    assert operators[-1] == "Softmax"


def test_onnx_is_as_old_as_it_can_be(folder: Path, output: str) -> None:
    import onnx

    for name in ("tiny.onnx", "tiny.int8.onnx"):
        model = onnx.load(folder / "out" / name)
        assert model.ir_version == 8
        assert [opset.version for opset in model.opset_import if opset.domain == ""] == [13]
        pixels, answer = model.graph.input[0], model.graph.output[0]
        assert (pixels.name, answer.name) == ("image", "probabilities")
        assert pixels.type.tensor_type.elem_type == onnx.TensorProto.UINT8
        assert pixels.type.tensor_type.shape.dim[0].dim_param == "batch"
        assert answer.type.tensor_type.shape.dim[0].dim_param == "batch"
        operators = {node.op_type for node in model.graph.node}
        assert not operators & {"BatchNormalization", "Transpose"}


def test_int8_tflite_is_really_int8(folder: Path, output: str) -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated")
    data = (folder / "out" / "tiny.int8.tflite").read_bytes()
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph: Any = model.subgraphs[0]
    kinds = schema.TensorType
    names = {value: key for key, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    operators = [names[model.operatorCodes[node.opcodeIndex].builtinCode] for node in graph.operators]
    assert operators[0] == "QUANTIZE"
    assert operators[-2:] == ["DEQUANTIZE", "SOFTMAX"]
    weights = [tensor for tensor in graph.tensors if model.buffers[tensor.buffer].data is not None]
    assert {tensor.type for tensor in weights} <= {kinds.INT8, kinds.INT32}
    floats = [tensor for tensor in graph.tensors if tensor.type == kinds.FLOAT32]
    assert len(floats) == 2  # logits and probabilities
    assert graph.tensors[graph.inputs[0]].type == kinds.UINT8
    with zipfile.ZipFile(folder / "out" / "tiny.int8.tflite") as archive:
        assert archive.read("labels.txt").decode().split() == list("0123456789")


def test_int8_is_smaller(folder: Path, output: str) -> None:
    sizes = {name: (folder / "out" / name).stat().st_size for name in FILES}
    assert sizes["tiny.int8.tflite"] < 0.8 * sizes["tiny.tflite"]


def test_a_file_that_fails_its_check_is_not_left_behind(folder: Path) -> None:
    """On pure noise the answers hang by a thread, and int8 cannot give each of them as Keras does."""
    options = ["-o", "failed", "--to", "tflite", "--calibration", "train.npz", "--min-agreement", "1"]
    done = start(["-m", "export", "tiny.keras", "--check", "noise.npz", *options], folder)
    assert done.returncode == 4, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("export: tiny.int8.tflite in litert on 3000 images: agreement ")
    assert done.stderr.count("\n") == 1
    assert list((folder / "failed").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["tiny.keras", "--quant", "int8"], 2, "--calibration"),
        (["tiny.keras", "--to", "coreml"], 2, "is not one of onnx"),
        (["none.keras"], 6, "none.keras cannot be read"),
        (["notes.keras"], 6, "notes.keras is damaged"),
        (["bare.keras"], 6, "write_spec"),
    ],
)
def test_bad_input_is_refused_before_anything_is_loaded(
    folder: Path, options: list[str], code: int, words: str
) -> None:
    (folder / "notes.keras").write_text("no model")
    with zipfile.ZipFile(folder / "bare.keras", "w") as archive:
        archive.writestr("config.json", "{}")
    calibration = [] if "--quant" in options else ["--calibration", "train.npz"]
    done = start(["-m", "export", *options, "--check", "test.npz", *calibration], folder)
    assert done.returncode == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
