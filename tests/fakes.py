"""Stand-ins for models: a runtime that knows printed digits, and a real ONNX file of a few kilobytes."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge import modelfile
from hwr_edge.image import to_batch
from hwr_edge.ink import char_crop
from hwr_edge.recognizer import Recognizer
from hwr_edge.spec import InputSpec, ModelSpec

SPEC = ModelSpec("fake", tuple("0123456789"), InputSpec(32, 32), reject_below=0.5)


def written(text: str, height: int = 60, paper: int = 230, ink: int = 30) -> NDArray[np.uint8]:
    """Printed digits on paper, uint8 (H, W), lines apart, every digit clear of the others."""
    lines = text.split("\n")
    step = height
    canvas = np.full((2 * height * len(lines) + height, (max(map(len, lines)) + 2) * step), paper, np.uint8)
    scale = cv2.getFontScaleFromHeight(cv2.FONT_HERSHEY_SIMPLEX, height, 4)
    for row, line in enumerate(lines):
        for column, character in enumerate(line):
            corner = (step * (column + 1), 2 * height * (row + 1))
            cv2.putText(canvas, character, corner, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, 4, cv2.LINE_AA)
    return canvas


class FakeRuntime:
    """Knows the digits of `written` by comparing with them; remembers how many crops it was given."""

    name = "fake"
    device = "cpu"

    def __init__(self) -> None:
        crops = [char_crop(written(digit), "no") for digit in SPEC.labels]
        self._known = to_batch([crop.patch for crop in crops if crop], SPEC.input).reshape(10, -1)
        self.batches: list[int] = []

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        self.batches.append(len(batch))
        rest = batch.reshape(len(batch), 1, -1).astype(np.float32) - self._known
        scores = np.exp(-np.abs(rest).mean(axis=2) / 4)
        return np.divide(scores, scores.sum(axis=1, keepdims=True), dtype=np.float32)


def fake_recognizer() -> Recognizer:
    return Recognizer.of(SPEC, FakeRuntime())


def write_onnx(path: Path) -> Path:
    """The same knowledge as an ONNX file, so that a process of its own can read digits."""
    from onnx import TensorProto, helper, numpy_helper, save

    known = FakeRuntime()._known.astype(np.float32)
    side = SPEC.input.height
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", side, side, 1])
    answer = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])
    # exp(-|x - k|^2 / s) up to a factor that softmax takes away: x.k - |k|^2 / 2
    scale = np.float32(1 / 400_000)
    weights = numpy_helper.from_array(np.ascontiguousarray(known.T) * scale, "weights")
    bias = numpy_helper.from_array(-(known**2).sum(axis=1) / 2 * scale, "bias")
    shape = numpy_helper.from_array(np.array([-1, side * side]), "shape")
    nodes = [
        helper.make_node("Cast", ["image"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["real", "shape"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(nodes, "fake", [image], [answer], [weights, bias, shape])
    save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]), path)
    modelfile.write_spec(path, SPEC)
    return path
