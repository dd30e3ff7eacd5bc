"""Exports models made up from seeds, in a process of its own: `python -m tests.export_corpus FOLDER SEED...`.

A line of JSON a model: what it is made of and how each file did, or the error.
"""

import json
import logging
import sys
import warnings
from pathlib import Path

from tests.keras_models import draw, random_model  # isort: skip - sets up TensorFlow

import numpy as np

from export import quantise
from export.forms import Limits
from export.job import Job
from export.quiet import quiet
from export.run import run
from hwr_edge.errors import HwrError
from hwr_edge.modelfile import write_spec
from hwr_edge.spec import InputSpec, ModelSpec

_CHECK = 120
_INT8 = Limits(max_diff=1.0, min_agreement=0.99, max_drop=1.0)  # one image of them


def main(folder: Path, seeds: list[int]) -> None:
    """Export each model and print what came of it."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    # The search for the best ranges costs four times the rest, and has tests of its own.
    quantise._METHODS = {"minmax": quantise._METHODS["minmax"]}
    for seed in seeds:
        print(json.dumps(_export(folder, seed)), flush=True)


def _export(folder: Path, seed: int) -> dict[str, object]:
    model, classes = random_model(seed)
    shape = model.input_shape[1:]
    path = folder / f"m{seed}.keras"
    model.save(path)
    write_spec(path, ModelSpec(f"m{seed}", tuple(map(str, range(classes))), InputSpec(*shape)))
    for name, count, draws in (("check", _CHECK, 1), ("train", 128, 2)):
        images, labels = draw(shape, classes, count, draws)
        np.savez(folder / f"{name}{seed}.npz", images=images, labels=labels)
    layers = [type(layer).__name__ for layer in model.layers]
    activations = [str(layer.get_config().get("activation")) for layer in model.layers]
    about = {
        "seed": seed,
        "kind": type(model).__name__,
        "shape": shape,
        "layers": layers,
        "activations": activations,
    }
    job = Job(
        model=path,
        folder=folder,
        formats=("onnx", "tflite"),
        quantisations=("none", "int8"),
        check=folder / f"check{seed}.npz",
        check_size=_CHECK,
        calibration=folder / f"train{seed}.npz",
        calibration_size=64,
        limits={"int8": _INT8},
    )
    try:
        with quiet():
            made = run(job)
    except HwrError as error:
        return {**about, "error": str(error)}
    files = {each.path.name: [result.to_dict() for result in each.parity] for each in made}
    return {**about, "files": files, "arithmetic": {each.path.name: each.audit.arithmetic for each in made}}


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(seed) for seed in sys.argv[2:]])
