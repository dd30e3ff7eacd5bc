"""The mean of what several runs have learnt: one model, often better than each (Wortsman et al. 2022)."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hwr_edge.errors import DataError, RecipeError
from hwr_edge.ink import Pixels
from hwr_edge.modelfile import read_spec, write_json, write_spec
from train.batches import Batches
from train.evaluate import evaluate
from train.files import save
from train.parts import load_parts
from train.recipe import read_recipe

MODEL = "model.keras"
_BATCHES = 50  # of training data, from which batch normalisation takes its statistics anew


def average(runs: list[Path], data: Path, out: Path) -> dict[str, Any]:
    """Average the weights of finished runs that began from the same ones, measure, and write the model.

    Args:
        runs: two run folders or more, of one architecture; labels, input, data and terms are the first one's.
        data: folder of the data sets.
        out: folder of the result; `metrics.json` comes last.

    Returns:
        what `metrics.json` holds.

    Raises:
        DataError: a run is not finished.
        RecipeError: fewer than two runs, or weights of other shapes.
    """
    if len(runs) < 2:
        raise RecipeError("one run has no mean: name two or more")
    for run in runs:
        if not (run / MODEL).exists():
            raise DataError(f"{run / MODEL} is missing: train that run to its end first")
    specs = [read_spec(run / MODEL) for run in runs]
    graph = keras.models.load_model(runs[0] / MODEL, compile=False)
    others = [keras.models.load_model(run / MODEL, compile=False).get_weights() for run in runs[1:]]
    weights = [graph.get_weights(), *others]
    if any([one.shape for one in other] != [one.shape for one in weights[0]] for other in others):
        raise RecipeError("the runs have weights of other shapes: only runs of one architecture have a mean")
    graph.set_weights([np.mean(same, axis=0) for same in zip(*weights, strict=True)])
    recipe = read_recipe(runs[0] / "recipe.toml")
    parts = load_parts(recipe, data)
    # Pictures alone are wanted: what teachers say of them is not.
    batches = Batches(replace(recipe, teachers=(), taught=0.0), parts.train, strangers=parts.strangers)
    settle(graph, (batches.batch(number)[0] for number in range(_BATCHES)))
    report, _ = evaluate(recipe, parts, graph)
    hashes = [spec.training.get("recipe_sha256") for spec in specs]
    spec = replace(
        specs[0],
        temperature=report["temperature"],
        reject_below=report["reject_below"],
        training={**specs[0].training, "averaged_recipes_sha256": hashes},
        metrics=report,
    )
    out.mkdir(parents=True, exist_ok=True)
    part = out / f"part.{MODEL}"
    save(graph, part)
    write_spec(part, spec)
    part.replace(out / MODEL)
    write_json(out / "metrics.json", report)
    return report


def settle(graph: keras.Model, batches: Iterable[Pixels]) -> None:
    """Give batch normalisation the mean statistics of these batches, uint8 (N, H, W, C) each.

    The mean of what several runs had is not what the mean network has (Izmailov et al. 2018, section 3.2).
    """
    layers = [layer for layer in graph.layers if isinstance(layer, keras.layers.BatchNormalization)]
    kept = [layer.momentum for layer in layers]
    for number, pictures in enumerate(batches):
        for layer in layers:
            layer.momentum = number / (number + 1)
        graph(pictures, training=True)
    for layer, momentum in zip(layers, kept, strict=True):
        layer.momentum = momentum
