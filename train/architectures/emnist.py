"""The three networks of Zhao's "Comparative Analysis of Deep Learning Models" on EMNIST.

The defaults are the best models of its random search (tables 1, 2 and 4); the options are what it searched
over. All three take the pixels scaled to 0-1.
"""

from collections.abc import Sequence

import keras
from keras import layers

from hwr_edge.spec import InputSpec

_DROPOUT = 0.3  # before the output layer, in all three


def mlp(
    spec: InputSpec,
    classes: int,
    *,
    units: Sequence[int] = (200, 200, 200),
    activation: str = "sigmoid",
) -> keras.Model:
    """Fully connected layers only (table 1): 249,862 parameters for 28x28x1 and 62 classes.

    Args:
        spec: the input.
        classes: number of outputs.
        units: of each hidden layer.
        activation: of the hidden layers.

    Returns:
        float32 (N, H, W, C) in 0-255 -> float32 (N, classes) logits, named "logits".
    """
    pixels, x = _scaled(spec)
    x = layers.Flatten()(x)
    for width in units:
        x = layers.Dense(width, activation=activation)(x)
    return _classifier(pixels, x, classes, "mlp")


def cnn(spec: InputSpec, classes: int, *, filters: Sequence[int] = (16, 64, 64)) -> keras.Model:
    """Three convolutions, each followed by pooling (tables 2 and 3): 128,222 parameters.

    Args:
        spec: the input.
        classes: number of outputs.
        filters: of each convolution.

    Returns:
        float32 (N, H, W, C) in 0-255 -> float32 (N, classes) logits, named "logits".
    """
    pixels, x = _scaled(spec)
    for width in filters:
        x = layers.MaxPooling2D()(_conv(x, width, 3))
    return _classifier(pixels, _dense(x), classes, "cnn")


def rescnn(spec: InputSpec, classes: int, *, filters: Sequence[int] = (32, 64, 32)) -> keras.Model:
    """Two branches that are added (table 4): 112,030 parameters.

    The paper's prose calls the shortcut a 1x1 projection; the parameter counts of its table say that the
    shortcut is 3x3 (18,496) and that the 1x1 layer (2,112) ends the other branch. The table is followed.
    Of activations the paper names the MLP's alone. Both branches end without one, and nothing but pooling
    follows the sum, as in He et al., "Identity Mappings in Deep Residual Networks" (2016); validation
    characters chose that over ReLU in both.

    Args:
        spec: the input.
        classes: number of outputs.
        filters: of the first convolution, of the shortcut and the sum, and of the second convolution.

    Returns:
        float32 (N, H, W, C) in 0-255 -> float32 (N, classes) logits, named "logits".
    """
    first, added, second = filters
    pixels, x = _scaled(spec)
    x = layers.MaxPooling2D()(_conv(x, first, 3))
    shortcut = layers.MaxPooling2D()(_conv(x, added, 3, activation=None))
    branch = layers.MaxPooling2D()(_conv(_conv(x, second, 3), added, 1, activation=None))
    x = layers.MaxPooling2D()(layers.Add()([shortcut, branch]))
    return _classifier(pixels, _dense(x), classes, "rescnn")


def _scaled(spec: InputSpec) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    pixels = keras.Input((spec.height, spec.width, spec.channels), name="image")
    return pixels, layers.Rescaling(1 / 255)(pixels)


def _conv(x: keras.KerasTensor, width: int, side: int, activation: str | None = "relu") -> keras.KerasTensor:
    return layers.Conv2D(width, side, padding="same", activation=activation)(x)


def _dense(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.Dense(128, activation="relu")(layers.Flatten()(x))


def _classifier(pixels: keras.KerasTensor, x: keras.KerasTensor, classes: int, name: str) -> keras.Model:
    logits = layers.Dense(classes, dtype="float32", name="logits")(layers.Dropout(_DROPOUT)(x))
    return keras.Model(pixels, logits, name=name)
