"""Our own small network: a strided stem, residual 3x3 convolutions, and a learned spatial pooling."""

from collections.abc import Sequence

import keras
from keras import layers

from hwr_edge.spec import InputSpec


def edge(
    spec: InputSpec,
    classes: int,
    *,
    widths: Sequence[int] = (24, 32, 64, 96),
    depths: Sequence[int] = (0, 1, 2),
    dropout: float = 0.2,
) -> keras.Model:
    """Build the network; only operators that every runtime runs in int8 are used.

    Args:
        spec: the input; 40x40x1 becomes 20x20, 10x10, 5x5 on the way.
        classes: number of outputs.
        widths: channels of the stem and of the three stages.
        depths: residual blocks after the first convolution of each stage.
        dropout: share dropped before the last layer.

    Returns:
        float32 (N, H, W, C) in 0-255 -> float32 (N, classes) logits, named "logits".
    """
    pixels = keras.Input((spec.height, spec.width, spec.channels), name="image")
    x = layers.Rescaling(1 / 255)(pixels)
    x = _conv(x, widths[0], 5, 2)
    for stage, (width, depth) in enumerate(zip(widths[1:], depths, strict=True)):
        x = _conv(x, width, 3, 1 if stage == 0 else 2)
        for _ in range(depth):
            x = layers.ReLU()(layers.Add()([x, _conv(x, width, 3, 1, activate=False)]))
    # One weight per place and channel keeps where a stroke lies, which an average would forget.
    x = layers.DepthwiseConv2D(x.shape[1:3], use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(dropout)(layers.Flatten()(x))
    logits = layers.Dense(classes, dtype="float32", name="logits")(x)
    return keras.Model(pixels, logits, name="edge")


def _conv(
    x: keras.KerasTensor, width: int, side: int, stride: int, activate: bool = True
) -> keras.KerasTensor:
    x = layers.Conv2D(width, side, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    x = layers.BatchNormalization(momentum=0.97)(x)
    return layers.ReLU()(x) if activate else x
