"""Int8 ONNX: static (QDQ, activations U8, weights S8 per channel) with measured calibration, or dynamic."""

import tempfile
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import onnxslim
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType, quantize_dynamic
from onnxruntime.quantization.calibrate import TensorsData, create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from export.samples import Samples, block_size, blocks
from export.source import Source
from export.tidy import readers
from export.to_onnx import Target, add_softmax, entry, finish
from export.versions import STATIC_INT8

# What x86 and Arm kernels compute in int8. Softmax is not among them: its int8 step of 1/256 ties ranks.
# fmt: off
OPERATORS = [
    "Conv", "Gemm", "MatMul", "Add", "Mul", "Relu", "Clip", "LeakyRelu", "Sigmoid", "HardSigmoid",
    "HardSwish", "MaxPool", "AveragePool", "GlobalAveragePool", "Concat", "Pad",
]
# fmt: on
_ALIKE = 0.002  # of accuracy: a thousand images cannot tell less
# Entropy with its own number of bins has one range to choose from, and answers as min-max does; its time
# grows with the square of them.
_METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile-99.99": (CalibrationMethod.Percentile, {"percentile": 99.99, "symmetric": False}),
    "percentile-99.999": (CalibrationMethod.Percentile, {"percentile": 99.999, "symmetric": False}),
    "entropy": (CalibrationMethod.Entropy, {"num_bins": 1024}),
}


@dataclass(frozen=True)
class Static:
    """A body with ranges for its tensors, ready to be quantised.

    Attributes:
        body: float32, as `to_onnx.body` makes it.
        ranges: of every tensor, by name.
        method: what chose them.
        tried: for each method, its accuracy on training images that gave no ranges (0 to 1).
    """

    body: onnx.ModelProto
    ranges: TensorsData
    method: str
    tried: dict[str, float]


def calibrate(source: Source, body: onnx.ModelProto, calibration: Samples, held: Samples) -> Static:
    """Take ranges from `calibration` by each method, and keep those that answer `held` best.

    Of methods that are right equally often, give or take _ALIKE, the one whose probabilities stay nearest to
    Keras is kept. Both sets are training images: the ones that files are checked on choose nothing.
    """
    reference = source.probabilities(held.images)
    target = Target(STATIC_INT8)
    found: dict[str, TensorsData] = {}
    right: dict[str, float] = {}
    distance: dict[str, float] = {}
    for method in _METHODS:
        found[method] = _ranges(body, source.scale, calibration.images, method)
        plain = Static(body, found[method], method, {})
        answers = run(seal(quantised(plain), source.scale, target), held.images)
        right[method] = float((answers.argmax(1) == held.labels).mean())
        distance[method] = float(np.abs(answers - reference).mean())
    good = [method for method in _METHODS if right[method] >= max(right.values()) - _ALIKE]
    best = min(good, key=lambda method: distance[method])
    return Static(body, found[best], best, right)


def quantised(static: Static, floats: Collection[str] = ()) -> onnx.ModelProto:
    """The body with QuantizeLinear and DequantizeLinear around each node but those named in `floats`."""
    body = onnx.ModelProto()
    body.CopyFrom(static.body)
    quantizer = QDQQuantizer(
        body,
        per_channel=True,
        reduce_range=False,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=static.ranges,
        nodes_to_quantize=[],
        nodes_to_exclude=list(floats),
        op_types_to_quantize=OPERATORS,
        # Logits stay as the accumulators give them: nothing int8 reads them.
        extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"], "WeightSymmetric": True},
    )
    quantizer.quantize_model()
    quantizer.model.topological_sort()
    return quantizer.model.model


def seal(body: onnx.ModelProto, scale: float, target: Target) -> bytes:
    """Bytes in, softmax out, checked, written."""
    _bytes_in(body.graph, scale)
    add_softmax(body.graph)
    return finish(body, target)


def dynamic(model: onnx.ModelProto, target: Target) -> bytes:
    """Weights in 8 bits; each layer takes the range of what comes in anew for every batch.

    Unsigned weights: onnxruntime's convolution of bytes by signed ones takes twice as long on x86.
    """
    with tempfile.TemporaryDirectory() as folder:
        quantize_dynamic(model, Path(folder) / "dynamic.onnx", weight_type=QuantType.QUInt8, per_channel=True)
        quantised = onnxslim.slim(onnx.load(Path(folder) / "dynamic.onnx"))
    return finish(quantised, target)


def run(data: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The probabilities of a file not yet written, float32 (N, classes)."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": part})[0] for part in blocks(images)])


def _ranges(body: onnx.ModelProto, scale: float, images: NDArray[np.uint8], method: str) -> TensorsData:
    kind, options = _METHODS[method]
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "body.onnx"
        onnx.save(body, plain)
        augmented = str(Path(folder) / "augmented.onnx")
        calibrator = create_calibrator(plain, OPERATORS, augmented, kind, extra_options=options)
        # The histograms want blocks of one size; a block at a time keeps few activations in memory.
        size = block_size(images, 64)
        for part in blocks(images[: len(images) // size * size], size):
            calibrator.collect_data(_Reader(part.astype(np.float32) * np.float32(scale)))
        return calibrator.compute_data()


def _bytes_in(graph: onnx.GraphProto, scale: float) -> None:
    """Let the pixels in as they are: a byte times `scale` is what the quantised input stands for."""
    moves, first = entry(graph)
    if first.op_type != "QuantizeLinear":  # the first layer is a float one
        for node in readers(graph, "image"):
            node.input[:] = ["scaled" if name == "image" else name for name in node.input]
        graph.initializer.append(numpy_helper.from_array(np.array(scale, np.float32), "scale"))
        graph.node.insert(0, helper.make_node("Mul", ["pixels", "scale"], ["scaled"], "scale"))
        graph.node.insert(0, helper.make_node("Cast", ["image"], ["pixels"], "pixels", to=TensorProto.FLOAT))
    else:
        source = moves[-1].output[0] if moves else "image"
        for node in readers(graph, first.output[0]):
            node.input[0] = source
        graph.node.remove(first)
        for tensor in graph.initializer:
            if tensor.name == first.input[1]:
                tensor.CopyFrom(numpy_helper.from_array(np.array(scale, np.float32), tensor.name))
            elif tensor.name == first.input[2]:
                tensor.CopyFrom(numpy_helper.from_array(np.array(0, np.uint8), tensor.name))
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


class _Reader(CalibrationDataReader):
    """Hands out one block of images."""

    def __init__(self, block: NDArray[np.float32]) -> None:
        self._feeds = iter([{"image": block}])

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._feeds, None)
