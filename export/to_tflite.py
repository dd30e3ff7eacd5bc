"""Keras to TFLite, fp32 or full int8: bytes in, float probabilities out."""

import flatbuffers  # type: ignore[import-untyped]
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from export.source import Source
from hwr_edge.errors import ModelFileError


def to_tflite(source: Source) -> bytes:
    """The whole of `source` as an fp32 file with uint8 pixels in."""

    def whole(image: tf.Tensor) -> tf.Tensor:
        return source.model(tf.cast(image, tf.float32), training=False)

    return _polish(_converter(whole, source, tf.uint8).convert(), softmax=False)


def to_tflite_int8(source: Source, images: NDArray[np.uint8]) -> bytes:
    """Full int8, per channel, ranges from `images`.

    The body alone is converted: with `scale` left out, the scale of the uint8 input *is* `scale` and pixels
    go in as they are; with the softmax left out, it can be put back in float (in int8 its step is 1/256, and
    ranks tie).
    """

    def body(image: tf.Tensor) -> tf.Tensor:
        return source.body(image, training=False)

    converter = _converter(body, source, tf.float32)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8
    converter.inference_output_type = tf.float32
    # The last one spans the range that pixels have, so that a byte is a step of the input.
    shape = images.shape[1:]
    span = np.linspace(0, 255, int(np.prod(shape))).round().astype(np.uint8).reshape(1, *shape)
    every = np.concatenate([images, span]).astype(np.float32) * np.float32(source.scale)
    converter.representative_dataset = lambda: ([image[None]] for image in every)
    return _polish(converter.convert(), softmax=True, scale=source.scale)


def _converter(
    call: tf.types.experimental.Callable, source: Source, dtype: tf.DType
) -> tf.lite.TFLiteConverter:
    signature = [tf.TensorSpec((1, *source.body.input.shape[1:]), dtype, name="image")]
    traced = tf.function(call, input_signature=signature).get_concrete_function()
    # Frozen first: handed live variables, the converter writes files without weights or fails to calibrate.
    return tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(traced)])


def _polish(data: bytes, softmax: bool, scale: float = 1.0) -> bytes:
    """Append the softmax in float, let batches be resized, and name tensors in a few bytes."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    if softmax:
        pixels = graph.tensors[graph.inputs[0]].quantization
        if not np.isclose(pixels.scale[0], scale, rtol=1e-3) or pixels.zeroPoint[0] != 0:
            raise ModelFileError(
                f"int8 input has scale {pixels.scale[0]}, not {scale}: pixels cannot go in as bytes"
            )
        _append_softmax(model, graph)
    _free_batch(model, graph)
    for number, tensor in enumerate(graph.tensors):
        tensor.name = b"t%d" % number
    graph.tensors[graph.inputs[0]].name = b"image"
    graph.tensors[graph.outputs[0]].name = b"probabilities"
    model.signatureDefs = []
    model.description = b"hwr-edge"
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _append_softmax(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SOFTMAX
    code.version = 1
    model.operatorCodes.append(code)
    logits = graph.outputs[0]
    answer = schema.TensorT()
    answer.shape = graph.tensors[logits].shape
    answer.shapeSignature = graph.tensors[logits].shapeSignature
    answer.type = schema.TensorType.FLOAT32
    answer.hasRank = True
    graph.tensors.append(answer)
    node = schema.OperatorT()
    node.opcodeIndex = len(model.operatorCodes) - 1
    node.inputs, node.outputs = [logits], [len(graph.tensors) - 1]
    node.builtinOptionsType = schema.BuiltinOptions.SoftmaxOptions
    node.builtinOptions = schema.SoftmaxOptionsT()
    node.builtinOptions.beta = 1.0
    graph.operators.append(node)
    graph.outputs = [len(graph.tensors) - 1]


def _free_batch(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    """A Flatten is written as a reshape to (1, M), which no other batch fits: make it (-1, M)."""
    for node in graph.operators:
        if model.operatorCodes[node.opcodeIndex].builtinCode != schema.BuiltinOperator.RESHAPE:
            continue
        wanted = model.buffers[graph.tensors[node.inputs[1]].buffer]
        shape = np.frombuffer(bytes(wanted.data), np.int32).copy()
        if len(shape) > 1 and shape[0] == 1 and -1 not in shape:
            shape[0] = -1
            wanted.data = np.frombuffer(shape.tobytes(), np.uint8)
            if node.builtinOptions is not None:
                node.builtinOptions.newShape = shape.tolist()
