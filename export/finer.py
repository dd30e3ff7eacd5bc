"""Logits of an int8 TFLite file in finer steps than a byte has: what would tie is told apart.

The last layer runs once for each part of its range, all on the same weights. What lies beyond a part, a byte
cannot hold, and is cut off there: so the parts add up to the logit, each with a share of its step.
"""

import copy

import numpy as np
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema

from export.flatfile import append_float

PARTS = 4
_LOWEST, _STEPS = -128, 255  # of int8


def refine_logits(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    """Take the last layer apart; a graph that ends otherwise than in a plain int8 layer with a bias stays."""
    if not _ends_in_plain_layer(model, graph):
        return
    *_, layer, dequantize = graph.operators
    whole = graph.tensors[layer.outputs[0]].quantization
    low = (_LOWEST - float(whole.zeroPoint[0])) * float(whole.scale[0])
    step = float(whole.scale[0]) / PARTS
    nodes = [(layer, dequantize), *(_twin(graph, layer, dequantize) for _ in range(PARTS - 1))]
    graph.operators = graph.operators[:-2]
    for part, pair in enumerate(nodes):
        _narrow(model, graph, *pair, low + part * _STEPS * step, step)
        graph.operators += pair
        if part:
            both = [graph.outputs[0], pair[1].outputs[0]]
            kind = schema.BuiltinOptions.AddOptions
            append_float(model, graph, schema.BuiltinOperator.ADD, both, kind, schema.AddOptionsT())


def _ends_in_plain_layer(model: schema.ModelT, graph: schema.SubGraphT) -> bool:
    kinds = [model.operatorCodes[node.opcodeIndex].builtinCode for node in graph.operators[-2:]]
    if kinds != [schema.BuiltinOperator.FULLY_CONNECTED, schema.BuiltinOperator.DEQUANTIZE]:
        return False
    layer = graph.operators[-2]
    int8 = graph.tensors[layer.outputs[0]].type == schema.TensorType.INT8
    biased = len(layer.inputs) == 3 and layer.inputs[2] >= 0
    linear = layer.builtinOptions.fusedActivationFunction == schema.ActivationFunctionType.NONE
    return int8 and biased and bool(linear)


def _twin(
    graph: schema.SubGraphT, layer: schema.OperatorT, dequantize: schema.OperatorT
) -> tuple[schema.OperatorT, schema.OperatorT]:
    """Both nodes again, on the same input and weights, with a bias and outputs of their own."""
    layer, dequantize = copy.copy(layer), copy.copy(dequantize)
    layer.inputs = [*layer.inputs[:2], _copied(graph, layer.inputs[2])]
    layer.outputs = dequantize.inputs = [_copied(graph, layer.outputs[0])]
    dequantize.outputs = [_copied(graph, dequantize.outputs[0])]
    return layer, dequantize


def _narrow(
    model: schema.ModelT,
    graph: schema.SubGraphT,
    layer: schema.OperatorT,
    dequantize: schema.OperatorT,
    low: float,
    step: float,
) -> None:
    """Make the nodes answer how far the logits lie above `low`, from 0 to 255 steps."""
    bias = graph.tensors[layer.inputs[2]]
    values: NDArray[np.int32] = np.frombuffer(bytes(model.buffers[bias.buffer].data), np.int32)
    lower = values - np.round(low / np.float64(bias.quantization.scale)).astype(np.int32)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(lower.tobytes(), np.uint8)
    bias.buffer = len(model.buffers)
    model.buffers.append(buffer)
    rounded = graph.tensors[layer.outputs[0]].quantization
    rounded.scale, rounded.zeroPoint = np.array([step], np.float32), np.array([_LOWEST])
    rounded.min = rounded.max = None


def _copied(graph: schema.SubGraphT, tensor: int) -> int:
    graph.tensors.append(copy.deepcopy(graph.tensors[tensor]))
    return len(graph.tensors) - 1
