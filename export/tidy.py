"""Rewrites of an ONNX graph that leave its answers as they are: fewer nodes, none of them idle."""

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

_TO_NHWC = [0, 2, 3, 1]
_SPARE_BITS = 23 - 17  # of a float32's fraction, see `round_weights`


def tidy(model: onnx.ModelProto) -> None:
    """Join what one node can do, and drop what no output needs."""
    _join_dense(model)
    _fold_flatten(model)
    drop_unused(model.graph)


def drop_unused(graph: onnx.GraphProto) -> None:
    """Drop the nodes that no output depends on, and the constants and shapes that no node reads."""
    needed = {value.name for value in graph.output}
    for node in reversed(list(graph.node)):  # a graph lists its nodes in the order they run
        if needed.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            needed.update(node.input)
    kept = [tensor for tensor in graph.initializer if tensor.name in needed]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    del graph.value_info[:]


def round_weights(graph: onnx.GraphProto) -> None:
    """Round weights to 17 bits of fraction: the zeros behind them let a zip take an eighth off the file.

    The error, 2**-18 of each weight, is far inside what a float export is held to.
    """
    for tensor in graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            bits = numpy_helper.to_array(tensor).view(np.uint32)
            rounded = (bits + np.uint32(1 << _SPARE_BITS - 1)) >> _SPARE_BITS << _SPARE_BITS
            tensor.CopyFrom(numpy_helper.from_array(rounded.view(np.float32), tensor.name))


def shorten_names(graph: onnx.GraphProto) -> None:
    """Name all tensors but the graph's own in a few bytes; the converter's names are a tenth of an int8 file.

    Nodes keep theirs: they tell which layer they come from.
    """
    names = {value.name: value.name for value in (*graph.input, *graph.output)} | {"": ""}

    def short(name: str) -> str:
        return names.setdefault(name, f"t{len(names)}")

    for tensor in graph.initializer:
        tensor.name = short(tensor.name)
    for node in graph.node:
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]


def readers(graph: onnx.GraphProto, name: str) -> list[onnx.NodeProto]:
    """The nodes that read a tensor."""
    return [node for node in graph.node if name in node.input]


def _join_dense(model: onnx.ModelProto) -> None:
    """MatMul + Add to Gemm where the left side has two dimensions: a node less, and an int32 bias."""
    graph, shapes = model.graph, _shapes(model)
    constants = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    for product in [node for node in graph.node if node.op_type == "MatMul"]:
        after = readers(graph, product.output[0])
        if len(after) != 1 or after[0].op_type != "Add":
            continue
        bias = next((name for name in after[0].input if constants.get(name) == 1), None)
        flat = len(shapes.get(product.input[0], ())) == 2 and constants.get(product.input[1]) == 2
        if bias is None or not flat:
            continue
        product.op_type = "Gemm"
        product.input.append(bias)
        product.output[0] = after[0].output[0]
        graph.node.remove(after[0])


def _fold_flatten(model: onnx.ModelProto) -> None:
    """Flatten in the layout at hand, the rows of the dense layer behind it put in that order instead.

    Keras flattens (H, W, C) and ONNX computes in (C, H, W): left alone, every answer pays for a Transpose.
    """
    graph, shapes = model.graph, _shapes(model)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    for move in [node for node in graph.node if node.op_type == "Transpose"]:
        if list(move.attribute[0].ints) != _TO_NHWC:
            continue
        flatten = readers(graph, move.output[0])
        dense = readers(graph, flatten[0].output[0]) if len(flatten) == 1 else []
        if len(dense) != 1 or flatten[0].op_type != "Reshape" or dense[0].op_type not in ("Gemm", "MatMul"):
            continue
        tensor = weights.get(dense[0].input[1])
        sizes = shapes.get(move.input[0], ())[1:]
        if (
            tensor is None
            or len(sizes) != 3
            or tensor.dims[0] != np.prod(sizes)
            or len(readers(graph, tensor.name)) != 1
        ):
            continue
        channels, height, width = sizes
        rows = numpy_helper.to_array(tensor).reshape(height, width, channels, -1)
        rows = np.ascontiguousarray(rows.transpose(2, 0, 1, 3)).reshape(tensor.dims)
        tensor.CopyFrom(numpy_helper.from_array(rows, tensor.name))
        flatten[0].input[0] = move.input[0]
        graph.node.remove(move)


def _shapes(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The shapes of the tensors between nodes; 0 where a dimension is free."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    return {
        value.name: tuple(dim.dim_value for dim in value.type.tensor_type.shape.dim)
        for value in (*inferred.value_info, *inferred.input)
        if value.type.tensor_type.HasField("shape")
    }
