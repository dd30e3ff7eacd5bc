"""ELU and SELU in TFLite, so that the converter computes them in int8.

Interpreters compute an int8 ELU from a table, but the converter does not know: it leaves ELU in float, and
with it layers that read one. So it is shown a LeakyReLU in its place, which it treats as any activation.

SELU has no operator of its own. The converter spells it with an exponential, whose int8 steps, wide enough
for positive values, round the negative half away; in scale * LeakyReLU(ELU(x)) every step is as fine as the
answer.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from export.flatfile import code_of, pack, unpack

_ELU, _LEAKY = schema.BuiltinOperator.ELU, schema.BuiltinOperator.LEAKY_RELU
_MARK = -1.0  # a slope that no LeakyReLU of Keras has
_ALPHA, _SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017, section 2


@contextmanager
def selu_from_elu(model: keras.Model) -> Iterator[None]:
    """Meanwhile the layers of `model` compute SELU from ELU: the same answers from other operators."""
    found = [
        layer
        for layer in model._flatten_layers()
        if getattr(layer, "activation", None) is keras.activations.selu
    ]
    for layer in found:
        layer.activation = _selu
    try:
        yield
    finally:
        for layer in found:
            layer.activation = keras.activations.selu


def hide(data: bytes) -> bytes:
    """A TFLite file with a marked LeakyReLU for every ELU."""
    model = unpack(data)
    for node in _nodes(model, _ELU):
        node.opcodeIndex = code_of(model, _LEAKY)
        node.builtinOptionsType = schema.BuiltinOptions.LeakyReluOptions
        node.builtinOptions = schema.LeakyReluOptionsT()
        node.builtinOptions.alpha = _MARK
    return pack(model)


def reveal(data: bytes) -> bytes:
    """The file with the ELUs back in their places, in the dtype that the LeakyReLUs were given."""
    model = unpack(data)
    for node in _nodes(model, _LEAKY):
        if node.builtinOptions.alpha == _MARK:
            node.opcodeIndex = code_of(model, _ELU)
            node.builtinOptionsType, node.builtinOptions = schema.BuiltinOptions.NONE, None
    _drop_unused_codes(model)
    return pack(model)


def has_int8_elu(model: schema.ModelT) -> bool:
    """Whether an ELU of the model computes in int8, which its operator's version does not tell."""
    tensors = model.subgraphs[0].tensors
    return any(tensors[node.inputs[0]].type == schema.TensorType.INT8 for node in _nodes(model, _ELU))


def _selu(x: tf.Tensor) -> tf.Tensor:
    return _SCALE * tf.nn.leaky_relu(tf.nn.elu(x), _ALPHA)


def _nodes(model: schema.ModelT, builtin: int) -> list[schema.OperatorT]:
    codes = [code.builtinCode for code in model.operatorCodes]
    return [
        node for graph in model.subgraphs for node in graph.operators if codes[node.opcodeIndex] == builtin
    ]


def _drop_unused_codes(model: schema.ModelT) -> None:
    nodes = [node for graph in model.subgraphs for node in graph.operators]
    used = list(dict.fromkeys(node.opcodeIndex for node in nodes))
    model.operatorCodes = [model.operatorCodes[index] for index in used]
    for node in nodes:
        node.opcodeIndex = used.index(node.opcodeIndex)
