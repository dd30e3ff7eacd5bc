"""A TFLite file as objects that can be changed, and back."""

import flatbuffers  # type: ignore[import-untyped]
from tensorflow.lite.python import schema_py_generated as schema


def unpack(data: bytes) -> schema.ModelT:
    """The model in the bytes of a file."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))


def pack(model: schema.ModelT) -> bytes:
    """The bytes of a file."""
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def code_of(model: schema.ModelT, builtin: int) -> int:
    """The index of an operator, version 1, in the table that nodes refer to; entered where it is missing."""
    for index, code in enumerate(model.operatorCodes):
        if code.builtinCode == builtin and code.version == 1:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = builtin
    code.version = 1
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def append_float(
    model: schema.ModelT, graph: schema.SubGraphT, builtin: int, inputs: list[int], kind: int, options: object
) -> None:
    """End the graph in one more node, which answers floats in the shape of its first input.

    `kind` is the entry of `schema.BuiltinOptions` that `options` are.
    """
    answer = schema.TensorT()
    answer.shape = graph.tensors[inputs[0]].shape
    answer.shapeSignature = graph.tensors[inputs[0]].shapeSignature
    answer.type = schema.TensorType.FLOAT32
    answer.hasRank = True
    graph.tensors.append(answer)
    node = schema.OperatorT()
    node.opcodeIndex = code_of(model, builtin)
    node.inputs, node.outputs = inputs, [len(graph.tensors) - 1]
    node.builtinOptionsType, node.builtinOptions = kind, options
    graph.operators.append(node)
    graph.outputs = node.outputs
