"""Every figure that the papers print about their networks, and a few steps of training for each."""

from typing import Any

import numpy as np
import pytest

from hwr_edge.spec import InputSpec

GREY_28, COLOUR_150, COLOUR_224 = InputSpec(28, 28), InputSpec(150, 150, 3), InputSpec(224, 224, 3)
STANDARD = {"mean": 230.0, "deviation": 60.0}
# name, input, classes, options, parameters in all
WHOLE = [
    ("mlp", GREY_28, 62, {}, 249_862),  # table 1
    ("cnn", GREY_28, 62, {}, 128_222),  # section 3.2.3
    ("rescnn", GREY_28, 62, {}, 112_030),  # section 3.3.3
    ("digits-cnn-1", COLOUR_150, 10, {}, 22_432_202),
    ("digits-cnn-2", COLOUR_150, 10, {}, 21_310_730),
    ("digits-cnn-3", COLOUR_150, 10, {}, 76_431_242),
    ("digits-cnn-4", COLOUR_150, 10, {}, 31_081_354),
    ("resnet50", COLOUR_224, 24, {}, 23_587_712 + 524_544 + 1_024 + 6_168),
    ("xception", COLOUR_224, 24, {}, 20_861_480 + 524_544 + 1_024 + 6_168),
    ("vgg16-relu", COLOUR_224, 62, STANDARD, 14_714_688 + 25_691_136 + 1_049_600 + 63_550),
    ("vgg16-selu", COLOUR_224, 62, {}, 14_714_688 + 25_691_136 + 1_049_600 + 63_550),
]
# The tables of the papers, row by row: output shape and parameters, dropout and flattening left out.
ROWS = {
    "mlp": [((200,), 157_000), ((200,), 40_200), ((200,), 40_200), ((62,), 12_462)],
    "cnn": [
        ((28, 28, 16), 160),
        ((14, 14, 16), 0),
        ((14, 14, 64), 9_280),
        ((7, 7, 64), 0),
        ((7, 7, 64), 36_928),
        ((3, 3, 64), 0),
        ((576,), 0),
        ((128,), 73_856),
        ((62,), 7_998),
    ],
    "rescnn": [
        ((28, 28, 32), 320),
        ((14, 14, 32), 0),
        ((14, 14, 64), 18_496),
        ((7, 7, 64), 0),
        ((14, 14, 32), 9_248),
        ((14, 14, 64), 2_112),
        ((7, 7, 64), 0),
        ((7, 7, 64), 0),
        ((3, 3, 64), 0),
        ((576,), 0),
        ((128,), 73_856),
        ((62,), 7_998),
    ],
}
# Figures 3 and 4 of the Hangul paper.
NAMED = {
    "resnet50": {
        "conv1_pad": ((230, 230, 3), 0),
        "conv1_conv": ((112, 112, 64), 9_472),
        "conv1_bn": ((112, 112, 64), 256),
        "conv5_block3_3_conv": ((7, 7, 2048), 1_050_624),
        "conv5_block3_3_bn": ((7, 7, 2048), 8_192),
        "conv5_block3_out": ((7, 7, 2048), 0),
    },
    "xception": {
        "block1_conv1": ((111, 111, 32), 864),
        "block1_conv1_bn": ((111, 111, 32), 128),
        "block1_conv2": ((109, 109, 64), 18_432),
        "block14_sepconv1_bn": ((7, 7, 1536), 6_144),
        "block14_sepconv2": ((7, 7, 2048), 3_159_552),
        "block14_sepconv2_bn": ((7, 7, 2048), 8_192),
    },
}


def make(name: str, spec: InputSpec, classes: int, **options: Any) -> Any:
    import keras

    from train.architectures import ARCHITECTURES

    keras.config.set_dtype_policy("float32")
    return ARCHITECTURES[name](spec, classes, **options)


@pytest.mark.parametrize(("name", "spec", "classes", "options", "parameters"), WHOLE)
def test_the_papers_figures_hold(
    name: str, spec: InputSpec, classes: int, options: dict[str, float], parameters: int
) -> None:
    model = make(name, spec, classes, **options)
    assert model.count_params() == parameters
    assert model.input_shape[1:] == (spec.height, spec.width, spec.channels)
    assert model.output_shape[1:] == (classes,)
    assert model.name == name
    for layer, (shape, count) in NAMED.get(name, {}).items():
        found = model.get_layer(layer)
        assert (tuple(found.output.shape[1:]), found.count_params()) == (shape, count), layer


@pytest.mark.parametrize("name", ROWS)
def test_every_row_of_the_papers_tables_is_a_layer(name: str) -> None:
    skipped = ("image", "rescaling", "dropout") + (("flatten",) if name == "mlp" else ())
    layers = [layer for layer in make(name, GREY_28, 62).layers if not layer.name.startswith(skipped)]
    found = [(tuple(layer.output.shape[1:]), layer.count_params()) for layer in layers]
    assert sorted(found) == sorted(ROWS[name])


def test_nothing_bends_what_rescnn_adds_up() -> None:
    added = next(layer for layer in make("rescnn", GREY_28, 62).layers if layer.name.startswith("add"))
    pooled = [tensor._keras_history.operation for tensor in added.input]
    ends = [pool.input._keras_history.operation for pool in pooled]
    assert [end.activation.__name__ for end in ends] == ["linear", "linear"]


def test_the_searched_options_change_the_network() -> None:
    assert make("mlp", GREY_28, 62, units=[50], activation="tanh").count_params() == 785 * 50 + 51 * 62
    assert make("cnn", GREY_28, 62, filters=[32, 64, 128]).get_layer("logits").input.shape == (None, 128)
    assert make("rescnn", GREY_28, 62, filters=[16, 128, 64]).count_params() > 112_030


@pytest.mark.parametrize(
    ("name", "spec", "options"),
    [
        ("edge", InputSpec(24, 24), {"widths": [4, 8, 8, 8], "depths": [0, 0, 0]}),
        ("mlp", InputSpec(12, 12), {}),
        ("cnn", InputSpec(12, 12), {}),
        ("rescnn", InputSpec(12, 12), {}),
        ("digits-cnn-1", InputSpec(12, 12, 3), {}),
        ("digits-cnn-2", InputSpec(16, 16, 3), {}),
        ("digits-cnn-3", InputSpec(24, 24, 3), {}),
        ("digits-cnn-4", InputSpec(46, 46, 3), {}),
        ("resnet50", InputSpec(32, 32, 3), {}),
        ("xception", InputSpec(71, 71, 3), {}),
        ("vgg16-relu", InputSpec(32, 32, 3), STANDARD),
        ("vgg16-selu", InputSpec(32, 32, 3), {}),
    ],
)
def test_a_few_steps_of_training_lower_the_loss(name: str, spec: InputSpec, options: dict[str, Any]) -> None:
    import keras

    keras.utils.set_random_seed(1)
    model = make(name, spec, 2, **options)
    rng = np.random.default_rng(1)
    labels = np.arange(8) % 2
    pixels = rng.integers(0, 60, (8, spec.height, spec.width, spec.channels)).astype(np.uint8)
    pixels[labels == 1, : spec.height // 2] += 190
    slow = name.startswith(("vgg", "digits"))
    # Plain descent: Adam's two moments of 76 million parameters would cost more than the steps.
    model.compile(
        keras.optimizers.SGD(1e-3 if slow else 1e-2),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        run_eagerly=False,
    )
    losses = [model.train_on_batch(pixels, labels) for _ in range(4)]
    assert np.isfinite(losses).all()
    assert not np.allclose(losses[0], losses[-1])
