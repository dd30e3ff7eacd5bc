"""Keras to ONNX in float32 and float16: bytes in, scaling inside the first convolution, probabilities out."""

from dataclasses import dataclass

import numpy as np
import onnx
import onnxslim
import tensorflow as tf
import tf2onnx
from onnx import TensorProto, helper, numpy_helper

from export.source import Source
from export.tidy import drop_unused, readers, round_weights, shorten_names, tidy
from export.versions import lowest_ir
from hwr_edge.errors import ModelFileError

_MOVES = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity")  # nodes that only move pixels
_FEWEST_HALVED = 16  # weights fewer than these stay float32: a Cast takes more bytes than it saves


@dataclass(frozen=True)
class Target:
    """What the reader of an ONNX file must know, and the batch that it is given.

    Attributes:
        opset: version of the operators.
        ir_version: version of the file; None for the lowest that may name the opset.
        batch: images at once; None leaves it free, under the name "batch".
    """

    opset: int
    ir_version: int | None = None
    batch: int | None = None

    @property
    def ir(self) -> int:
        """The IR version that is written."""
        return self.ir_version or lowest_ir(self.opset)


def body(source: Source, target: Target) -> onnx.ModelProto:
    """The body of `source`: "image" float32 (batch, H, W, C), scaled -> "logits" float32 (batch, classes).

    Raises:
        ModelFileError: a layer has no counterpart in this opset.
    """
    signature = [tf.TensorSpec(source.body.inputs[0].shape, tf.float32, name="image")]
    call = tf.function(
        lambda image: {"logits": source.body(image, training=False)}, input_signature=signature
    )
    try:
        model, _ = tf2onnx.convert.from_function(call, input_signature=signature, opset=target.opset)
    except Exception as error:  # the converter raises whatever its handlers raise
        reason = " ".join(str(error).split())[:200]
        raise ModelFileError(
            f"{source.spec.name} cannot be written as ONNX opset {target.opset}: {reason}"
        ) from error
    strange = {node.op_type for node in model.graph.node if node.domain not in ("", "ai.onnx.ml")}
    if strange:
        raise ModelFileError(
            f"{source.spec.name} cannot be written as ONNX opset {target.opset}:"
            f" it has no {', '.join(sorted(strange))}; try a higher --opset"
        )
    model = onnxslim.slim(model)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"  # the converter names it anew each time
    del model.graph.value_info[:]
    tidy(model)
    return model


def whole(source: Source, target: Target) -> onnx.ModelProto:
    """All of `source`: "image" uint8 in 0-255 -> "probabilities" float32."""
    model = body(source, target)
    graph = model.graph
    if not _fold_scale(graph, source.scale):
        scale = numpy_helper.from_array(np.array(source.scale, np.float32), "scale")
        graph.initializer.append(scale)
        _rename_input(graph, "scaled")
        graph.node.insert(0, helper.make_node("Mul", ["image", "scale"], ["scaled"], "scale"))
    _rename_input(graph, "pixels")
    graph.node.insert(0, helper.make_node("Cast", ["image"], ["pixels"], "pixels", to=TensorProto.FLOAT))
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    round_weights(graph)
    add_softmax(graph)
    return model


def halve(model: onnx.ModelProto) -> onnx.ModelProto:
    """The weights in float16, cast back as the file is loaded.

    Arithmetic stays float32: on a CPU it is the faster of the two, every runtime takes such a file, and none
    can overflow.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    casts = []
    for tensor in half.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if tensor.data_type == TensorProto.FLOAT and values.size >= _FEWEST_HALVED:
            name = tensor.name
            short = np.clip(values, -65504, 65504).astype(np.float16)
            tensor.CopyFrom(numpy_helper.from_array(short, f"{name}/half"))
            casts.append(helper.make_node("Cast", [f"{name}/half"], [name], name, to=TensorProto.FLOAT))
    nodes = list(half.graph.node)
    del half.graph.node[:]
    half.graph.node.extend([*casts, *nodes])
    return half


def add_softmax(graph: onnx.GraphProto) -> None:
    """Append the softmax, in float: in int8 its step is 1/256, and ranks tie."""
    graph.node.append(helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=-1))
    graph.output[0].name = "probabilities"


def finish(model: onnx.ModelProto, target: Target) -> bytes:
    """Drop what nothing uses, name tensors in few bytes and the lowest versions that serve, check, write."""
    drop_unused(model.graph)
    shorten_names(model.graph)
    if target.batch:
        for value in (model.graph.input[0], model.graph.output[0]):
            value.type.tensor_type.shape.dim[0].dim_value = target.batch
    domains = {node.domain for node in model.graph.node}
    opsets = [opset for opset in model.opset_import if opset.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    model.ir_version = target.ir
    model.producer_name, model.producer_version = "hwr-edge", ""
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def entry(graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], onnx.NodeProto]:
    """The nodes that only move the pixels of "image", and the first that computes with them."""
    moves: list[onnx.NodeProto] = []
    name = "image"
    while True:
        after = readers(graph, name)
        if len(after) != 1 or after[0].op_type not in _MOVES:
            return moves, after[0]
        moves.append(after[0])
        name = after[0].output[0]


def _fold_scale(graph: onnx.GraphProto, scale: float) -> bool:
    """Multiply the weights that meet the pixels first by `scale`; False where they are not in sight."""
    moves, first = entry(graph)
    name = moves[-1].output[0] if moves else "image"
    weights = {tensor.name: tensor for tensor in graph.initializer}
    if (
        first.op_type not in ("Conv", "Gemm", "MatMul")
        or first.input[0] != name
        or first.input[1] not in weights
        or len(readers(graph, name)) > 1
        or len(readers(graph, first.input[1])) > 1
    ):
        return scale == 1
    tensor = weights[first.input[1]]
    scaled = numpy_helper.to_array(tensor) * np.float32(scale)
    tensor.CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), tensor.name))
    return True


def _rename_input(graph: onnx.GraphProto, name: str) -> None:
    for node in graph.node:
        node.input[:] = [name if value == "image" else value for value in node.input]
