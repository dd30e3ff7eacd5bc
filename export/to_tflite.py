"""Keras to TFLite in every form: bytes in, float probabilities out."""

from collections.abc import Callable, Collection

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.python.convert import mlir_quantize
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from export.elu import has_int8_elu, hide, reveal, selu_from_elu
from export.finer import refine_logits
from export.flatfile import append_float, pack, unpack
from export.source import Source
from hwr_edge.errors import ModelFileError

_INT8_ELU = "2.3.0"  # runs it for certain; an ELU's version does not tell its dtype


def to_tflite(source: Source, kind: str, batch: int = 1) -> bytes:
    """The whole of `source` with uint8 pixels in, its weights in float32, in float16, or in int8.

    Args:
        source: the model.
        kind: "none", "fp16", or "dynamic": int8 weights, whose layers take the range of what comes in anew
            for every image.
        batch: images at once; a reader may resize it.
    """

    def whole(image: tf.Tensor) -> tf.Tensor:
        return source.model(tf.cast(image, tf.float32), training=False)

    converter = _converter(whole, source, tf.uint8, batch)
    if kind != "none":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "fp16":
        converter.target_spec.supported_types = [tf.float16]
    return _polish(_made(converter.convert, source.spec.name), softmax=False)


def calibrate(source: Source, images: NDArray[np.uint8], batch: int = 1) -> bytes:
    """The float body with the ranges that its tensors take on `images` in it, as int8 is made of it.

    The body alone is converted: with `scale` left out, the scale of the uint8 input *is* `scale` and pixels
    go in as they are; with the softmax left out, it can be put back in float (in int8 its step is 1/256, and
    ranks tie).
    """

    def body(image: tf.Tensor) -> tf.Tensor:
        return source.body(image, training=False)

    converter = _converter(body, source, tf.float32, batch)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    # The last one spans the range that pixels have, so that a byte is a step of the input.
    shape = images.shape[1:]
    span = np.linspace(0, 255, int(np.prod(shape))).round().astype(np.uint8).reshape(1, *shape)
    every = np.concatenate([images, np.repeat(span, 1 + -(len(images) + 1) % batch, axis=0)])
    scaled = every.astype(np.float32) * np.float32(source.scale)
    converter.representative_dataset = lambda: ([part] for part in np.split(scaled, len(scaled) // batch))
    converter._experimental_calibrate_only = True  # the way of TensorFlow's own quantisation debugger
    return _made(converter.convert, source.spec.name)


def to_tflite_int8(calibrated: bytes, scale: float, floats: Collection[str] = ()) -> bytes:
    """Int8, per channel, but for the operators whose output tensors are named in `floats`."""
    quantised = mlir_quantize(
        hide(calibrated),
        input_data_type=tf.uint8,
        output_data_type=tf.float32,
        denylisted_nodes=list(floats),
    )
    return _polish(reveal(quantised), softmax=True, scale=scale)


def debug_model(calibrated: bytes) -> bytes:
    """Int8 with a float twin of every operator beside it, for TensorFlow's quantisation debugger."""
    return reveal(mlir_quantize(hide(calibrated), enable_numeric_verify=True))


def tensor_names(data: bytes) -> set[str]:
    """What the tensors of a file are called."""
    model = unpack(data)
    return {tensor.name.decode() for tensor in model.subgraphs[0].tensors}


def floor(data: bytes) -> str:
    """The first TensorFlow release whose interpreter runs all of its operators."""
    model = unpack(data)
    said = ""
    for entry in model.metadata or []:
        if entry.name == b"min_runtime_version":
            said = bytes(model.buffers[entry.buffer].data).rstrip(b"\0").decode()
    known = [said, _INT8_ELU] if has_int8_elu(model) else [said]
    return max(known, key=lambda release: [int(part) for part in release.split(".") if part])


def _converter(
    call: tf.types.experimental.Callable, source: Source, dtype: tf.DType, batch: int
) -> tf.lite.TFLiteConverter:
    signature = [tf.TensorSpec((batch, *source.body.inputs[0].shape[1:]), dtype, name="image")]
    with selu_from_elu(source.model), selu_from_elu(source.body):
        traced = tf.function(call, input_signature=signature).get_concrete_function()
    # Frozen first: handed live variables, the converter writes files without weights or fails to calibrate.
    return tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(traced)])


def _made(convert: Callable[[], bytes], name: str) -> bytes:
    try:
        return convert()
    except Exception as error:  # the converter raises whatever its C++ side says
        reason = " ".join(str(error).split())[:200]
        raise ModelFileError(f"{name} cannot be written as TFLite: {reason}") from error


def _polish(data: bytes, softmax: bool, scale: float = 1.0) -> bytes:
    """Refine logits, append the softmax in float, let batches be resized, name tensors in a few bytes."""
    model = unpack(data)
    graph = model.subgraphs[0]
    if softmax:
        pixels = graph.tensors[graph.inputs[0]].quantization
        if not np.isclose(pixels.scale[0], scale, rtol=1e-3) or pixels.zeroPoint[0] != 0:
            raise ModelFileError(
                f"int8 input has scale {pixels.scale[0]}, not {scale}: pixels cannot go in as bytes"
            )
        refine_logits(model, graph)
        _append_softmax(model, graph)
    _free_batch(model, graph)
    for number, tensor in enumerate(graph.tensors):
        tensor.name = b"t%d" % number
    graph.tensors[graph.inputs[0]].name = b"image"
    graph.tensors[graph.outputs[0]].name = b"probabilities"
    model.signatureDefs = []
    model.description = b"hwr-edge"
    return pack(model)


def _append_softmax(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    options = schema.SoftmaxOptionsT()
    options.beta = 1.0
    kind = schema.BuiltinOptions.SoftmaxOptions
    append_float(model, graph, schema.BuiltinOperator.SOFTMAX, [graph.outputs[0]], kind, options)


def _free_batch(model: schema.ModelT, graph: schema.SubGraphT) -> None:
    """A Flatten is written as a reshape to (batch, M), which no other batch fits: make it (-1, M)."""
    batch = graph.tensors[graph.inputs[0]].shape[0]
    for node in graph.operators:
        if model.operatorCodes[node.opcodeIndex].builtinCode != schema.BuiltinOperator.RESHAPE:
            continue
        wanted = model.buffers[graph.tensors[node.inputs[1]].buffer]
        shape = np.frombuffer(bytes(wanted.data), np.int32).copy()
        if len(shape) > 1 and shape[0] == batch and -1 not in shape:
            shape[0] = -1
            wanted.data = np.frombuffer(shape.tobytes(), np.uint8)
            if node.builtinOptions is not None:
                node.builtinOptions.newShape = shape.tolist()
