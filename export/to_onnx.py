"""Keras to fp32 ONNX: bytes in, scaling inside the first convolution, probabilities out."""

import numpy as np
import onnx
import onnxslim
import tensorflow as tf
import tf2onnx
from onnx import TensorProto, helper, numpy_helper

from export.source import Source

OPSET = 13  # the first with per-channel QuantizeLinear; every runtime of the last four years reads it
IR_VERSION = 8
MANTISSA_BITS = 17  # of 23, in fp32 files
_MOVES = ("Reshape", "Transpose", "Squeeze", "Unsqueeze", "Identity")  # nodes that only move pixels


def body(source: Source) -> onnx.ModelProto:
    """The body of `source`: "image" float32 (batch, H, W, C), scaled -> "logits" float32 (batch, classes)."""
    shape = source.body.input.shape
    signature = [tf.TensorSpec(shape, tf.float32, name="image")]
    call = tf.function(
        lambda image: {"logits": source.body(image, training=False)}, input_signature=signature
    )
    model, _ = tf2onnx.convert.from_function(call, input_signature=signature, opset=OPSET)
    model = onnxslim.slim(model)
    for value in (model.graph.input[0], model.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"  # tf2onnx names it anew each time
    del model.graph.value_info[:]
    _join_dense(model)
    return model


def to_onnx(source: Source) -> bytes:
    """The whole of `source` as an ONNX file: "image" uint8 in 0-255 -> "probabilities" float32."""
    model = body(source)
    graph = model.graph
    if not _fold_scale(graph, source.scale):
        scale = numpy_helper.from_array(np.array(source.scale, np.float32), "scale")
        graph.initializer.append(scale)
        _rename_input(graph, "scaled")
        graph.node.insert(0, helper.make_node("Mul", ["image", "scale"], ["scaled"], "scale"))
    _rename_input(graph, "pixels")
    graph.node.insert(0, helper.make_node("Cast", ["image"], ["pixels"], "pixels", to=TensorProto.FLOAT))
    graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8
    _round_weights(graph)
    return finish(model)


def finish(model: onnx.ModelProto) -> bytes:
    """Append the softmax, drop what nothing uses, check, and write the lowest versions that serve."""
    graph = model.graph
    graph.node.append(helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=-1))
    graph.output[0].name = "probabilities"
    used = {name for node in graph.node for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in used]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]
    domains = {node.domain for node in graph.node}
    opsets = [opset for opset in model.opset_import if opset.domain in domains]
    del model.opset_import[:]
    model.opset_import.extend(opsets)
    model.ir_version = IR_VERSION
    onnx.checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString())


def entry(graph: onnx.GraphProto) -> tuple[list[onnx.NodeProto], onnx.NodeProto]:
    """The nodes that only move the pixels of "image", and the first that computes with them."""
    moves: list[onnx.NodeProto] = []
    name = "image"
    while True:
        readers = [node for node in graph.node if name in node.input]
        if len(readers) != 1 or readers[0].op_type not in _MOVES:
            return moves, readers[0]
        moves.append(readers[0])
        name = readers[0].output[0]


def _fold_scale(graph: onnx.GraphProto, scale: float) -> bool:
    """Multiply the weights that meet the pixels first by `scale`; False where they are not in sight."""
    moves, first = entry(graph)
    name = moves[-1].output[0] if moves else "image"
    weights = {tensor.name: tensor for tensor in graph.initializer}
    if (
        first.op_type not in ("Conv", "Gemm", "MatMul")
        or first.input[0] != name
        or first.input[1] not in weights
    ):
        return scale == 1
    if sum(name in node.input for node in graph.node) > 1:
        return scale == 1
    if sum(first.input[1] in node.input for node in graph.node) > 1:
        return scale == 1
    tensor = weights[first.input[1]]
    scaled = numpy_helper.to_array(tensor) * np.float32(scale)
    tensor.CopyFrom(numpy_helper.from_array(scaled.astype(np.float32), tensor.name))
    return True


def _round_weights(graph: onnx.GraphProto) -> None:
    """Round weights to MANTISSA_BITS: the zeros behind them let a zip take an eighth off the file.

    The error, 2**-18 of each weight, is far inside what a float export is held to.
    """
    spare = 23 - MANTISSA_BITS
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            bits = numpy_helper.to_array(tensor).view(np.uint32)
            rounded = (bits + np.uint32(1 << spare - 1)) >> spare << spare
            tensor.CopyFrom(numpy_helper.from_array(rounded.view(np.float32), tensor.name))


def _rename_input(graph: onnx.GraphProto, name: str) -> None:
    for node in graph.node:
        node.input[:] = [name if value == "image" else value for value in node.input]


def _join_dense(model: onnx.ModelProto) -> None:
    """MatMul + Add to Gemm where the left side has two dimensions: a node less, and an int32 bias."""
    shaped = onnx.shape_inference.infer_shapes(model)
    ranks = {
        value.name: len(value.type.tensor_type.shape.dim)
        for value in shaped.graph.value_info
        if value.type.tensor_type.HasField("shape")
    }
    graph = model.graph
    constants = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    for product in [node for node in graph.node if node.op_type == "MatMul"]:
        readers = [node for node in graph.node if product.output[0] in node.input]
        if len(readers) != 1 or readers[0].op_type != "Add":
            continue
        bias = next((name for name in readers[0].input if constants.get(name) == 1), None)
        if bias is None or ranks.get(product.input[0]) != 2 or constants.get(product.input[1]) != 2:
            continue
        product.op_type = "Gemm"
        product.input.append(bias)
        product.output[0] = readers[0].output[0]
        graph.node.remove(readers[0])
