"""The architectures taught MNIST's digits for a moment, so that their answers hang on the pictures.

The large ones see smaller pictures than their papers use: what is asked of them is whether they survive the
way to the device, not how well they read.
"""

import os
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwr_edge.dataset import read_idx
from hwr_edge.image import to_batch
from hwr_edge.ink import Pixels
from hwr_edge.modelfile import write_spec
from hwr_edge.spec import InputSpec, ModelSpec

MODEL = "model.keras"
_SMALL = InputSpec(28, 28)
_INPUTS = {
    "edge": InputSpec(40, 40),
    **dict.fromkeys(("mlp", "cnn", "rescnn"), _SMALL),
    **{f"digits-cnn-{blocks}": InputSpec(64, 64, 3, margin=9) for blocks in (1, 2, 3, 4)},
    "resnet50": InputSpec(48, 48, 3, "dark", margin=6),
    "xception": InputSpec(72, 72, 3, "dark", margin=8),  # Keras builds none below 71
    **dict.fromkeys(("vgg16-relu", "vgg16-selu"), InputSpec(40, 40, 3, "dark", margin=4)),
}
_OPTIONS = {"vgg16-relu": {"mean": 240.2, "deviation": 58.9}}
_BATCH, _STEPS = 32, 1280
_ENOUGH = 0.1  # of the loss, averaged over the last batches: nearly all digits are told apart


def teach(name: str, data: Path, folder: Path, seconds: float) -> None:
    """Write `train.npz`, `test.npz` and, when they are there, `model.keras` of an architecture into a folder.

    Args:
        name: of `train.architectures.ARCHITECTURES`.
        data: folder of the data sets.
        folder: where the files go; it is made.
        seconds: of the processor, how long it is taught at most.
    """
    os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
    import keras

    from train.architectures import ARCHITECTURES

    keras.utils.set_random_seed(1)
    spec = _INPUTS.get(name, _SMALL)
    images, labels = _mnist(data, "train", 4096, spec)
    network = ARCHITECTURES[name](spec, 10, **_OPTIONS.get(name, {}))
    norms = [x for x in network._flatten_layers() if isinstance(x, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = 0.8  # its averages must keep up with so few steps
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    fast = bool(norms) or network.count_params() < 1e6  # the others, large, would learn nothing
    network.compile(keras.optimizers.Adam(1e-3 if fast else 1e-4), loss)
    end, average = time.process_time() + seconds, 3.0  # not of the clock: others may use the machine
    for step in range(_STEPS):
        part = np.arange(step * _BATCH, (step + 1) * _BATCH) % len(labels)
        average = 0.9 * average + 0.1 * float(network.train_on_batch(images[part], labels[part]))
        network.reset_metrics()  # or the loss handed out is that of all steps so far
        if average < _ENOUGH or time.process_time() > end:
            break
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "train.npz", images=images[:768], labels=labels[:768])
    model = keras.Model(network.input, keras.layers.Softmax()(network.output), name="model")
    images, labels = _mnist(data, "t10k", 1000, spec)
    np.savez(folder / "test.npz", images=images, labels=labels)
    unfinished = folder / f"unfinished-{MODEL}"
    model.save(unfinished)
    about = {"name": name, "parameters": model.count_params()}
    write_spec(unfinished, ModelSpec(name, tuple("0123456789"), spec, architecture=about))
    unfinished.replace(folder / MODEL)
    keras.backend.clear_session()


def _mnist(data: Path, part: str, count: int, spec: InputSpec) -> tuple[Pixels, NDArray[np.int64]]:
    images = read_idx(data / "mnist" / f"{part}-images-idx3-ubyte.gz")[:count]
    labels = read_idx(data / "mnist" / f"{part}-labels-idx1-ubyte.gz")[:count]
    return to_batch([image[4:24, 4:24] for image in images], spec), labels.astype(np.int64)
