"""What TensorFlow Lite Micro needs to run a TFLite file: its operators, and how much memory."""

import math
import struct
from dataclasses import dataclass
from pathlib import Path

from hwr_edge.anatomy import TFLITE_OPERATORS, TFLITE_TYPES, FlatBuffer
from hwr_edge.errors import ModelFileError

# The methods of MicroMutableOpResolver; an operator that is not here is one it does not have.
_ADDS = {
    "ADD": "AddAdd",
    "AVERAGE_POOL_2D": "AddAveragePool2D",
    "BATCH_MATMUL": "AddBatchMatMul",
    "CAST": "AddCast",
    "CONCATENATION": "AddConcatenation",
    "CONV_2D": "AddConv2D",
    "DEPTHWISE_CONV_2D": "AddDepthwiseConv2D",
    "DEQUANTIZE": "AddDequantize",
    "DIV": "AddDiv",
    "ELU": "AddElu",
    "EXP": "AddExp",
    "FULLY_CONNECTED": "AddFullyConnected",
    "HARD_SWISH": "AddHardSwish",
    "LEAKY_RELU": "AddLeakyRelu",
    "LOGISTIC": "AddLogistic",
    "MAXIMUM": "AddMaximum",
    "MAX_POOL_2D": "AddMaxPool2D",
    "MEAN": "AddMean",
    "MINIMUM": "AddMinimum",
    "MIRROR_PAD": "AddMirrorPad",
    "MUL": "AddMul",
    "PACK": "AddPack",
    "PAD": "AddPad",
    "PADV2": "AddPadV2",
    "QUANTIZE": "AddQuantize",
    "REDUCE_MAX": "AddReduceMax",
    "RELU": "AddRelu",
    "RELU6": "AddRelu6",
    "RESHAPE": "AddReshape",
    "RSQRT": "AddRsqrt",
    "SHAPE": "AddShape",
    "SOFTMAX": "AddSoftmax",
    "SQUARED_DIFFERENCE": "AddSquaredDifference",
    "SQUEEZE": "AddSqueeze",
    "STRIDED_SLICE": "AddStridedSlice",
    "SUB": "AddSub",
    "SUM": "AddSum",
    "TANH": "AddTanh",
    "TRANSPOSE": "AddTranspose",
}
_WIDTHS = {"float64": 8, "int64": 8, "float32": 4, "int32": 4, "float16": 2, "int16": 2}
_ALIGNMENT = 16
# Bytes that the allocator keeps for each of these where pointers have eight bytes; with four it is less.
_PER_TENSOR, _PER_OPERATOR, _PER_CHANNEL, _PER_MODEL = 24, 160, 8, 1024


@dataclass(frozen=True)
class Micro:
    """What a file asks of TensorFlow Lite Micro; sizes in bytes.

    Attributes:
        operators: methods of `MicroMutableOpResolver` to call, each once.
        activations: the tensors alive at the same time, packed by size as the planner there packs them.
        persistent: tables of tensors and operators, from above.
        int8: whether every convolution and matrix has int8 weights.
    """

    operators: tuple[str, ...]
    activations: int
    persistent: int
    int8: bool

    @property
    def arena(self) -> int:
        """The arena to set aside, in whole KiB."""
        return -(-(self.activations + self.persistent) // 1024) * 1024


@dataclass(frozen=True)
class _Tensor:
    """`dtype`, bytes at batch 1, whether its values are in the file, and scales (one a channel)."""

    dtype: str
    bytes: int
    constant: bool
    scales: int


@dataclass(frozen=True)
class _Node:
    name: str
    inputs: list[int]
    outputs: list[int]


def plan(data: bytes, path: Path) -> Micro:
    """Look into the bytes of a TFLite file; `path` names it in errors.

    Raises:
        ModelFileError: an operator that TensorFlow Lite Micro does not have, or a damaged file.
    """
    try:
        tensors, nodes, ends = _read(FlatBuffer(data))
    except (IndexError, ValueError, struct.error) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error
    names = dict.fromkeys(node.name for node in nodes)
    lacking = [name for name in names if name not in _ADDS]
    if lacking:
        raise ModelFileError(
            f"{path}: TensorFlow Lite Micro has no {', '.join(lacking)}: export another model"
        )
    heavy = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
    weights = [tensors[node.inputs[1]] for node in nodes if node.name in heavy]
    channels = sum(tensor.scales for tensor in weights if tensor.dtype == "int8")
    persistent = (
        _PER_MODEL + _PER_TENSOR * len(tensors) + _PER_OPERATOR * len(nodes) + _PER_CHANNEL * channels
    )
    return Micro(
        operators=tuple(_ADDS[name] for name in names),
        activations=_packed(_lives(tensors, nodes, ends)),
        persistent=persistent,
        int8=bool(weights) and {tensor.dtype for tensor in weights} == {"int8"},
    )


def _read(file: FlatBuffer) -> tuple[list[_Tensor], list[_Node], tuple[list[int], list[int]]]:
    """Tensors and operators of the one graph, and the indices of its inputs and outputs."""
    model = file.follow(0)
    codes = [max(file.scalar(code, 0, "b"), file.scalar(code, 3, "i")) for code in file.tables(model, 1)]
    graph = file.tables(model, 2)[0]
    buffers = file.tables(model, 4)
    tensors = []
    for table in file.tables(graph, 0):
        dtype = TFLITE_TYPES.get(file.scalar(table, 1, "b"), "other")
        values = math.prod(file.integers(table, 0))
        constant = bool(file.bytes(buffers[file.scalar(table, 2, "I")], 0))
        tensors.append(_Tensor(dtype, values * _WIDTHS.get(dtype, 1), constant, _scales(file, table)))
    nodes = []
    for table in file.tables(graph, 3):
        code = codes[file.scalar(table, 0, "I")]
        ends = [[index for index in file.integers(table, field) if index >= 0] for field in (1, 2)]
        nodes.append(_Node(TFLITE_OPERATORS.get(code, f"builtin operator {code}"), *ends))
    return tensors, nodes, (file.integers(graph, 1), file.integers(graph, 2))


def _scales(file: FlatBuffer, tensor: int) -> int:
    quantisation = file.table(tensor, 4)
    return len(file.integers(quantisation, 2)) if quantisation else 0


def _lives(
    tensors: list[_Tensor], nodes: list[_Node], ends: tuple[list[int], list[int]]
) -> list[tuple[int, int, int]]:
    """(bytes, first step, last step) of every tensor that needs memory; inputs live from the start."""
    first = dict.fromkeys(ends[0], 0)
    last = dict(first)
    for step, node in enumerate(nodes):
        for index in node.outputs:
            first.setdefault(index, step)
        last |= dict.fromkeys([*node.inputs, *node.outputs], step)
    last |= dict.fromkeys(ends[1], len(nodes))
    aligned = {index: -(-tensors[index].bytes // _ALIGNMENT) * _ALIGNMENT for index in first}
    return [(aligned[index], first[index], last[index]) for index in first if not tensors[index].constant]


def _packed(lives: list[tuple[int, int, int]]) -> int:
    """The end of the last one when the largest are placed first, each in the lowest gap that it fits."""
    placed: list[tuple[int, int, int, int]] = []  # start, end, first step, last step
    for size, first, last in sorted(lives, reverse=True, key=lambda life: life[0]):
        at = 0
        for start, end, begins, ends in sorted(placed):
            if begins > last or first > ends:
                continue
            if start - at >= size:
                break
            at = max(at, end)
        placed.append((at, at + size, first, last))
    return max((end for _, end, _, _ in placed), default=0)
