"""First weights for the base of an architecture: ImageNet's, a file's, or those of a model trained here."""

import os
from pathlib import Path
from typing import Any

import keras

from hwr_edge.errors import DataError, RecipeError

BASES = {
    "resnet50": keras.applications.ResNet50,
    "xception": keras.applications.Xception,
    "vgg16-relu": keras.applications.VGG16,
    "vgg16-selu": keras.applications.VGG16,
}
"""Architecture -> the Keras application that its convolutions come from."""


def load_base(model: keras.Model, architecture: str, weights: str, *, frozen: bool) -> None:
    """Put weights into the base of a model, in place.

    Args:
        model: of one of the architectures of `BASES`.
        architecture: its name.
        weights: "imagenet", through Keras' own downloader, which checks the hash; a file in Keras' HDF5
            format without the top; or a `.keras` file of the same architecture made by `fit`.
        frozen: whether the base is to stay as it is.

    Raises:
        RecipeError: the architecture has no base.
        DataError: the weights cannot be fetched, read or fitted.
    """
    if architecture not in BASES:
        raise RecipeError(f"{architecture} has no base to put weights into; {', '.join(BASES)} have")
    shape = tuple(model.input_shape[1:])
    if weights.endswith(".keras"):
        source = read_model(Path(weights))
        count = len(_weighted(BASES[architecture](include_top=False, weights=None, input_shape=shape)))
    else:
        source = _read_base(architecture, weights, shape)
        count = len(_weighted(source))
    # By order, not by name: Xception's shortcuts have names that count up in every model that is built.
    for given, layer in zip(_weighted(source)[:count], _weighted(model)[:count], strict=True):
        try:
            layer.set_weights(given.get_weights())
        except ValueError as error:
            raise DataError(f"{weights} does not fit {architecture}: layer {layer.name}: {error}") from error
        layer.trainable = not frozen


def _read_base(architecture: str, weights: str, shape: tuple[int, ...]) -> keras.Model:
    path = Path(weights)
    if weights != "imagenet" and not path.is_file():
        raise DataError(f'{path} is missing: give weights = "imagenet", "none" or a file that is there')
    try:
        return BASES[architecture](include_top=False, weights=weights, input_shape=shape)
    except (OSError, ValueError, KeyError) as error:
        if weights == "imagenet":
            raise DataError(_unreachable(error)) from error
        raise DataError(
            f"{path} does not hold the weights of {architecture} without its top: {error}"
        ) from error
    except Exception as error:  # Keras' downloader raises this very type
        raise DataError(_unreachable(error)) from error


def _unreachable(error: Exception) -> str:
    folder = Path(os.environ.get("KERAS_HOME", "~/.keras")) / "models"
    return (
        f"ImageNet weights cannot be fetched ({' '.join(str(error).split())}): fetch that file elsewhere and"
        f' put it into {folder}, or set weights to its path, or to "none" with frozen = false'
    )


def read_model(path: Path) -> keras.Model:
    """A model that `fit` made, for its weights.

    Raises:
        DataError: it is missing or damaged.
    """
    if not path.is_file():
        raise DataError(f"{path} is missing: train the recipe that makes it first")
    try:
        return keras.models.load_model(path, compile=False)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def start_from(model: keras.Model, path: Path) -> None:
    """Put the weights of a model that `fit` made into one of the same architecture, in place.

    The last layer is left as it is where it tells other classes apart.

    Raises:
        DataError: the file is missing or damaged, or of another architecture.
    """
    given, own = _weighted(read_model(path)), _weighted(model)
    if _shapes(given[-1]) != _shapes(own[-1]):
        given, own = given[:-1], own[:-1]
    if [_shapes(layer) for layer in given] != [_shapes(layer) for layer in own]:
        raise DataError(f"{path} is of another architecture: start from a model of the recipe's own")
    for source, layer in zip(given, own, strict=True):
        layer.set_weights(source.get_weights())


def _shapes(layer: keras.Layer) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _weighted(model: keras.Model) -> list[Any]:
    return [layer for layer in model.layers if layer.weights]
