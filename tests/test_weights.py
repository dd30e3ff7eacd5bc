"""First weights of a base: a small file in the format of Keras' own, a run of ours, and what is refused."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from hwr_edge.errors import DataError, RecipeError
from hwr_edge.spec import InputSpec

SPEC = InputSpec(32, 32, 3)


def made(name: str) -> Any:
    from train.architectures import ARCHITECTURES

    return ARCHITECTURES[name](SPEC, 3)


def weighted(model: Any) -> list[Any]:
    return [layer for layer in model.layers if layer.weights]


def write_notop(path: Path, base: Any) -> None:
    """The file that Keras' downloader fetches, but with one value a layer, so that it takes no room."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = b"2.1.0", b"tensorflow"
        file.attrs["layer_names"] = [layer.name.encode() for layer in base.layers]
        for index, layer in enumerate(base.layers):
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{weight.name}:0" for weight in layer.weights]
            group.attrs["weight_names"] = [name.encode() for name in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group.create_dataset(
                    name, tuple(weight.shape), "float32", chunks=True, fillvalue=index / 1000
                )


@pytest.fixture(scope="module")
def notop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    import keras

    path = tmp_path_factory.mktemp("weights") / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    write_notop(path, keras.applications.VGG16(include_top=False, weights=None, input_shape=(32, 32, 3)))
    assert path.stat().st_size < 200_000
    return path


def assert_loaded(model: Any) -> None:
    assert float(model.get_layer("block1_conv1").get_weights()[0].max()) == pytest.approx(0.001)
    assert float(model.get_layer("block5_conv3").get_weights()[1].min()) == pytest.approx(0.017)
    assert np.std(model.get_layer("logits").get_weights()[0]) > 0.01


def test_a_file_in_keras_own_format_fills_the_base_and_leaves_the_top(notop: Path) -> None:
    from train.weights import load_base

    model = made("vgg16-selu")
    load_base(model, "vgg16-selu", str(notop), frozen=True)
    assert_loaded(model)
    frozen = [layer.name for layer in weighted(model) if not layer.trainable]
    assert len(frozen) == 13 and all(name.startswith("block") for name in frozen)


def test_imagenet_goes_through_keras_downloader_and_its_hash(
    notop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from keras.src.utils import file_utils

    from train.weights import load_base

    asked: dict[str, Any] = {}

    def get_file(name: str, origin: str, **options: Any) -> str:
        asked.update(name=name, origin=origin, **options)
        return str(notop)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    model = made("vgg16-selu")
    load_base(model, "vgg16-selu", "imagenet", frozen=False)
    assert_loaded(model)
    assert asked["name"] == notop.name and asked["origin"].startswith("https://") and asked["file_hash"]

    def no_way(*_: Any, **__: Any) -> str:
        raise Exception("URL fetch failure on https://somewhere/vgg16.h5: None -- no route")

    monkeypatch.setattr(file_utils, "get_file", no_way)
    with pytest.raises(DataError, match=r"https://somewhere/vgg16\.h5.*put it into .*models"):
        load_base(model, "vgg16-selu", "imagenet", frozen=False)


@pytest.mark.parametrize("name", ["resnet50", "xception"])
def test_a_run_of_ours_hands_its_base_on(name: str, tmp_path: Path) -> None:
    from train.architectures import ARCHITECTURES
    from train.weights import load_base

    spec = InputSpec(71, 71, 3)
    pretrained = ARCHITECTURES[name](spec, 5)
    pretrained.save(tmp_path / "pretrained.keras")
    model = ARCHITECTURES[name](spec, 3)
    load_base(model, name, str(tmp_path / "pretrained.keras"), frozen=True)
    pairs = list(zip(weighted(pretrained), weighted(model), strict=True))
    for given, layer in pairs[:-3]:
        assert not layer.trainable
        for one, other in zip(given.get_weights(), layer.get_weights(), strict=True):
            assert (one == other).all()
    assert all(layer.trainable for _, layer in pairs[-3:])
    assert model.get_layer("logits").get_weights()[0].shape[1] == 3


def test_weights_that_do_not_fit_are_one_sentence(notop: Path, tmp_path: Path) -> None:
    from train.weights import load_base

    with pytest.raises(RecipeError, match="mlp has no base"):
        load_base(None, "mlp", "imagenet", frozen=False)
    model = made("vgg16-selu")
    with pytest.raises(DataError, match="is missing"):
        load_base(model, "vgg16-selu", str(tmp_path / "none.h5"), frozen=False)
    with pytest.raises(DataError, match="does not hold the weights of resnet50"):
        load_base(made("resnet50"), "resnet50", str(notop), frozen=False)
    for name in ("damaged.h5", "damaged.keras"):
        (tmp_path / name).write_bytes(notop.read_bytes()[:500])
        with pytest.raises(DataError, match="damaged"):
            load_base(model, "vgg16-selu", str(tmp_path / name), frozen=False)


@pytest.mark.parametrize(("classes", "kept"), [(4, True), (3, False)])
def test_a_start_hands_on_its_last_layer_only_where_the_classes_are_as_many(
    classes: int, kept: bool, tmp_path: Path
) -> None:
    from train.architectures import ARCHITECTURES
    from train.weights import start_from

    source, model = (ARCHITECTURES["mlp"](InputSpec(8, 8), n, units=[5]) for n in (4, classes))
    source.save(tmp_path / "model.keras")
    start_from(model, tmp_path / "model.keras")
    (first, last), (given, top) = weighted(model), weighted(source)
    assert (first.get_weights()[0] == given.get_weights()[0]).all()
    assert np.array_equal(last.get_weights()[0], top.get_weights()[0]) == kept


def test_a_start_of_another_architecture_is_one_sentence(tmp_path: Path) -> None:
    from train.architectures import ARCHITECTURES
    from train.weights import start_from

    ARCHITECTURES["mlp"](InputSpec(8, 8), 4, units=[5]).save(tmp_path / "model.keras")
    with pytest.raises(DataError, match="another architecture"):
        start_from(ARCHITECTURES["mlp"](InputSpec(8, 8), 4, units=[6]), tmp_path / "model.keras")
