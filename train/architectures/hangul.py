"""The two networks of Kurniadi et al., "A Comparison Analysis Between ResNET50 and Xception"."""

from collections.abc import Callable

import keras
from keras import layers

from hwr_edge.spec import InputSpec

_MOMENTUM = 0.9
"""Of the base's running means, which a frozen base leaves alone.

At Keras' 0.99 they lag behind the few hundred steps of a short run: Xception, .67 of its training pictures
learnt, read .05 of the others.
"""


def resnet50(spec: InputSpec, classes: int) -> keras.Model:
    """ResNet50 without its top, and the paper's head: 24,119,448 parameters at 24 classes.

    Returns:
        float32 (N, H, W, 3) in 0-255 -> float32 (N, classes) logits, named "logits".
    """
    return _with_head(keras.applications.ResNet50, spec, classes, "resnet50")


def xception(spec: InputSpec, classes: int) -> keras.Model:
    """Xception without its top, and the paper's head: 21,393,216 parameters at 24 classes.

    Returns:
        float32 (N, H, W, 3) in 0-255 -> float32 (N, classes) logits, named "logits".
    """
    return _with_head(keras.applications.Xception, spec, classes, "xception")


def _with_head(base: Callable[..., keras.Model], spec: InputSpec, classes: int, name: str) -> keras.Model:
    """Section 3.1.3: pooling, Dense 256 ReLU, batch normalisation, dropout of 30 %, softmax.

    Pixels are scaled to 0-1 as the paper does, not in the way that the ImageNet weights were trained with.
    """
    pixels = keras.Input((spec.height, spec.width, spec.channels), name="image")
    body = base(include_top=False, weights=None, input_tensor=layers.Rescaling(1 / 255)(pixels))
    for layer in body.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = _MOMENTUM
    x = layers.GlobalAveragePooling2D()(body.output)
    x = layers.Dense(256, activation="relu")(x)
    x = layers.Dropout(0.3)(layers.BatchNormalization()(x))
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(pixels, logits, name=name)
