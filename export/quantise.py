"""Static int8 ONNX (QDQ, activations U8, weights S8 per channel), calibrated in the way that agrees most."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import create_calibrator
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from export.source import Samples, Source, blocks
from export.to_onnx import body, entry, finish

# What x86 and Arm kernels compute in int8. Softmax is not among them: its int8 step of 1/256 ties ranks.
_OPERATORS = [
    *(
        "Conv",
        "Gemm",
        "MatMul",
        "Add",
        "Mul",
        "Relu",
        "Clip",
        "LeakyRelu",
        "Sigmoid",
        "HardSigmoid",
        "HardSwish",
    ),
    *("MaxPool", "AveragePool", "GlobalAveragePool", "Concat", "Pad"),
]
# Entropy with its own number of bins has one range to choose from, and answers as min-max does; its time
# grows with the square of them.
_METHODS = {
    "minmax": (CalibrationMethod.MinMax, {}),
    "percentile-99.99": (CalibrationMethod.Percentile, {"percentile": 99.99, "symmetric": False}),
    "percentile-99.999": (CalibrationMethod.Percentile, {"percentile": 99.999, "symmetric": False}),
    "entropy": (CalibrationMethod.Entropy, {"num_bins": 1024}),
}


@dataclass(frozen=True)
class Quantised:
    """A file, the calibration chosen for it, and how often each one tried agreed with Keras (0 to 1)."""

    data: bytes
    method: str
    tried: dict[str, float]


def quantise_onnx(source: Source, calibration: Samples) -> Quantised:
    """Quantise `source`; ranges and method come from `calibration` alone, never from test images."""
    model = body(source)
    reference = source.probabilities(calibration.images)
    files: dict[str, bytes] = {}
    scores: dict[str, tuple[float, float]] = {}
    for method in _METHODS:
        files[method] = _quantise(model, source.scale, calibration.images, method)
        answers = _run(files[method], calibration.images)
        agreement = float((answers.argmax(1) == reference.argmax(1)).mean())
        scores[method] = (agreement, -float(np.abs(answers - reference).mean()))
    best = max(scores, key=lambda method: scores[method])
    return Quantised(files[best], best, {method: score[0] for method, score in scores.items()})


def _quantise(model: onnx.ModelProto, scale: float, images: NDArray[np.uint8], method: str) -> bytes:
    kind, options = _METHODS[method]
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "body.onnx"
        onnx.save(model, plain)
        augmented = str(Path(folder) / "augmented.onnx")
        calibrator = create_calibrator(plain, _OPERATORS, augmented, kind, extra_options=options)
        calibrator.collect_data(_Reader(images, scale))
        ranges = calibrator.compute_data()
        quantizer = QDQQuantizer(
            onnx.load(plain),
            per_channel=True,
            reduce_range=False,
            weight_qType=QuantType.QInt8,
            activation_qType=QuantType.QUInt8,
            tensors_range=ranges,
            nodes_to_quantize=[],
            nodes_to_exclude=[],
            op_types_to_quantize=_OPERATORS,
            # Logits stay as the accumulators give them: nothing int8 reads them.
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"], "WeightSymmetric": True},
        )
        quantizer.quantize_model()
        quantizer.model.topological_sort()
        quantised = quantizer.model.model
    _bytes_in(quantised.graph, scale)
    return finish(quantised)


def _bytes_in(graph: onnx.GraphProto, scale: float) -> None:
    """Let the pixels in as they are: a byte times `scale` is what the quantised input stands for."""
    moves, first = entry(graph)
    if first.op_type != "QuantizeLinear":  # a model that scales in its own way
        graph.node.insert(0, onnx.helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT))
        for node in list(graph.node)[1:]:
            node.input[:] = ["pixels" if name == "image" else name for name in node.input]
    else:
        source = moves[-1].output[0] if moves else "image"
        readers = [node for node in graph.node if first.output[0] in node.input]
        for node in readers:
            node.input[0] = source
        graph.node.remove(first)
        for tensor in graph.initializer:
            if tensor.name == first.input[1]:
                tensor.CopyFrom(numpy_helper.from_array(np.array(scale, np.float32), tensor.name))
            elif tensor.name == first.input[2]:
                tensor.CopyFrom(numpy_helper.from_array(np.array(0, np.uint8), tensor.name))
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


class _Reader(CalibrationDataReader):
    """Hands out scaled blocks of images; the histograms want blocks of one size."""

    def __init__(self, images: NDArray[np.uint8], scale: float) -> None:
        size = 64
        count = max(len(images) // size * size, min(len(images), size))
        self._feeds: Iterator[dict[str, NDArray[np.float32]]] = iter(
            [{"image": part.astype(np.float32) * np.float32(scale)} for part in blocks(images[:count], size)]
        )

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        return next(self._feeds, None)


def _run(data: bytes, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return np.concatenate([session.run(None, {"image": part})[0] for part in blocks(images)])
