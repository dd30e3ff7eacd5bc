"""The trained model as the converters want it, and the images it is checked on."""

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import DataError, ModelFileError
from hwr_edge.modelfile import read_spec, sha256
from hwr_edge.spec import ModelSpec


@dataclass(frozen=True)
class Source:
    """A Keras model taken apart at its two ends, which each file format writes in its own way.

    Attributes:
        model: the whole model, pixels float32 (N, H, W, C) in 0-255 -> probabilities (N, classes).
        body: the model between scaling and softmax, float32 (N, H, W, C) -> logits float32 (N, classes).
        scale: what `body` wants pixels multiplied by; 1 where the model scales in a way of its own.
        spec: the metadata in the file.
    """

    model: keras.Model
    body: keras.Model
    scale: float
    spec: ModelSpec

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What Keras answers, float32 (N, classes), for pixels uint8 (N, H, W, C)."""
        parts = [np.asarray(self.model(part.astype(np.float32), training=False)) for part in blocks(images)]
        return np.concatenate(parts)


@dataclass(frozen=True)
class Samples:
    """Images ready for a model: uint8 (N, H, W, C), labels int64 (N,), and the hash of their file."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sha256: str

    def balanced(self, count: int, seed: int) -> "Samples":
        """At most `count` of them, as many of each class as there are, drawn with `seed`."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        rank = np.zeros(len(order), np.int64)  # the how-manyeth of its class each one is
        seen: dict[int, int] = {}
        for index in order:
            label = int(self.labels[index])
            rank[index] = seen[label] = seen.get(label, -1) + 1
        chosen = order[np.argsort(rank[order], kind="stable")[:count]]
        return Samples(self.images[chosen], self.labels[chosen], self.sha256)


def load(path: Path) -> Source:
    """Read a `.keras` file.

    Raises:
        ModelFileError: no Keras model, no metadata, or an output that does not fit its labels.
    """
    spec = read_spec(path)
    try:
        # Without compile: a file saved under another backend names that backend's optimiser.
        model = keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its layers raise
        reason = " ".join(str(error).split())[:200]
        raise ModelFileError(f"{path} cannot be loaded by Keras: {reason}") from error
    wanted = (None, spec.input.height, spec.input.width, spec.input.channels)
    if tuple(model.input_shape) != wanted or tuple(model.output_shape) != (None, len(spec.labels)):
        raise ModelFileError(
            f"{path}: the model is {model.input_shape} to {model.output_shape},"
            f" its metadata says {wanted} to (None, {len(spec.labels)})"
        )
    logits = _without_softmax(model, path)
    whole = keras.Model(model.input, keras.layers.Softmax(dtype="float32")(logits))
    first = model.layers[1]
    if isinstance(first, keras.layers.Rescaling) and first.input is model.input and not np.any(first.offset):
        return Source(whole, keras.Model(first.output, logits), float(first.scale), spec)
    return Source(whole, keras.Model(model.input, logits), 1.0, spec)


def samples(path: Path, spec: ModelSpec) -> Samples:
    """Read an `.npz` of `images` uint8 (N, H, W, C), as `image.to_batch` makes them, and `labels` int (N,).

    Raises:
        DataError: missing, damaged, or not the images and labels of this model.
    """
    try:
        with np.load(path) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{path} is not an .npz with the arrays images and labels: {error}") from error
    shape = (spec.input.height, spec.input.width, spec.input.channels)
    if images.dtype != np.uint8 or images.shape[1:] != shape or not len(images):
        raise DataError(
            f"{path}: images are {images.dtype} {images.shape}, model {spec.name} wants uint8 (N, {shape})"
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise DataError(f"{path}: labels are {labels.dtype} {labels.shape}, expected int ({len(images)},)")
    if labels.min() < 0 or labels.max() >= len(spec.labels):
        raise DataError(
            f"{path}: labels reach {labels.max()}, model {spec.name} has {len(spec.labels)} classes"
        )
    return Samples(images, labels.astype(np.int64), sha256(path))


def blocks(images: NDArray[np.uint8], size: int = 256) -> list[NDArray[np.uint8]]:
    """`images` cut into runs of at most `size`."""
    return [images[at : at + size] for at in range(0, len(images), size)]


def _without_softmax(model: keras.Model, path: Path) -> keras.KerasTensor:
    """The logits: the output of `model` as it was before its softmax."""
    last = model.layers[-1]
    name = getattr(getattr(last, "activation", None), "__name__", "linear")
    if isinstance(last, keras.layers.Softmax) or (
        isinstance(last, keras.layers.Activation) and name == "softmax"
    ):
        return last.input
    if name == "linear":
        return model.output
    if name == "softmax" and isinstance(last, keras.layers.Dense):
        twin = keras.layers.Dense.from_config({**last.get_config(), "activation": "linear"})
        logits = twin(last.input)
        twin.set_weights(last.get_weights())
        return logits
    raise ModelFileError(f"{path} ends in {name}: only a softmax over its classes can be exported")
