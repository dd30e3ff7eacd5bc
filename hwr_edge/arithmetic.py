"""In which dtype the operators of a .onnx or .tflite file compute: whether an int8 file is really int8."""

from collections import Counter
from pathlib import Path

from hwr_edge.anatomy import (
    ONNX_TYPES,
    TFLITE_OPERATORS,
    TFLITE_TYPES,
    FlatBuffer,
    look_into,
    number,
    text,
    views,
)

Found = dict[str, Counter[str]]

# What onnxruntime and OpenVINO run in int8 where 8 bits go in, and what only moves values.
_INT8 = frozenset(
    [
        "Conv",
        "Gemm",
        "MatMul",
        "Add",
        "Mul",
        "Relu",
        "Clip",
        "LeakyRelu",
        "Sigmoid",
        "AveragePool",
        "GlobalAveragePool",
    ]
)
_MOVES = frozenset(
    ["MaxPool", "Concat", "Pad", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten", "Identity"]
)
_CONVERSIONS = {  # with the dtype of what comes out
    "QuantizeLinear": "uint8",
    "DynamicQuantizeLinear": "uint8",
    "DequantizeLinear": "float32",
    "Cast": "",
}
_TFLITE_CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "CAST")
_TFLITE_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def arithmetic(path: Path) -> dict[str, dict[str, int]]:
    """By the dtype that they compute in, how often each operator occurs; conversions are left out.

    Raises:
        ModelFileError: missing, damaged, or neither .onnx nor .tflite.
    """
    found = look_into(path, {".onnx": _onnx, ".tflite": _tflite})
    return {dtype: dict(counts.most_common()) for dtype, counts in found.items()}


def _onnx(data: bytes) -> Found:
    """Follow the dtypes through the nodes; an operator behind DequantizeLinear runs in int8."""
    graph = views(data, 7)[0]
    types = {text(tensor, 8): _onnx_type(number(tensor, 2)) for tensor in views(graph, 5)}
    for value in views(graph, 11):
        types[text(value, 1)] = _onnx_type(number(views(views(value, 2)[0], 1)[0], 1))
    found: Found = {}
    rounded: set[str] = set()  # floats that stand for 8 bits
    for node in views(graph, 1):
        name, inputs, outputs = text(node, 4), _texts(node, 1), _texts(node, 2)
        dtype = types.get(inputs[0], "float32") if inputs else "float32"
        if name in _CONVERSIONS:
            rounded.update(outputs if name == "DequantizeLinear" else ())
            types[outputs[0]] = _CONVERSIONS[name] or _cast_to(node)  # beside it there may be its scale
            continue
        types |= dict.fromkeys(outputs, dtype)
        if name.endswith("Integer") or name.startswith("QLinear"):
            types |= dict.fromkeys(outputs, "int32")
            dtype = "int8"
        elif name in _INT8 and inputs and rounded.issuperset(inputs[:2]):
            dtype = "int8"
        elif name in _MOVES and inputs and inputs[0] in rounded:
            rounded.update(outputs)
            dtype = "int8"
        found.setdefault(dtype, Counter())[name] += 1
    return found


def _onnx_type(code: int) -> str:
    return ONNX_TYPES.get(code, ("other", 1))[0]


def _cast_to(node: memoryview) -> str:
    codes = [number(attribute, 3) for attribute in views(node, 5) if text(attribute, 1) == "to"]
    return _onnx_type(codes[0]) if codes else "other"


def _texts(message: memoryview, field: int) -> list[str]:
    return [bytes(value).decode() for value in views(message, field)]


def _tflite(data: bytes) -> Found:
    """By what comes out; a layer with int8 weights rounds what comes in, and so computes in int8 too."""
    file = FlatBuffer(data)
    model = file.follow(0)
    codes = [max(file.scalar(code, 0, "b"), file.scalar(code, 3, "i")) for code in file.tables(model, 1)]
    graph = file.tables(model, 2)[0]
    types = [TFLITE_TYPES.get(file.scalar(tensor, 1, "b"), "other") for tensor in file.tables(graph, 0)]
    found: Found = {}
    for node in file.tables(graph, 3):
        code = codes[file.scalar(node, 0, "I")]
        name = TFLITE_OPERATORS.get(code, f"BUILTIN_{code}")
        if name not in _TFLITE_CONVERSIONS:
            weighted = name in _TFLITE_WEIGHTED
            deciding = file.integers(node, 1)[1] if weighted else file.integers(node, 2)[0]
            found.setdefault(types[deciding], Counter())[name] += 1
    return found
