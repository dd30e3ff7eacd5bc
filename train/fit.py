"""One run: a recipe and data in, a folder with `model.keras` and its figures out."""

import csv
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import RecipeError
from hwr_edge.metrics import apply_temperature, calibration_error, fit_temperature, wilson_interval
from hwr_edge.modelfile import write_atomic, write_spec
from hwr_edge.spec import ModelSpec
from train.architectures import ARCHITECTURES
from train.batches import Batches, only, plain_batch
from train.datasets import DATASETS
from train.recipe import Recipe, Source
from train.samples import Samples

CHECKPOINT = "checkpoint.keras"
LOG = "epochs.csv"
_REFUSED = 0.03  # share of rightly read characters that the limit for doubt may refuse


def fit(recipe: Recipe, recipe_path: Path, data: Path, out: Path, *, resume: bool = False) -> dict[str, Any]:
    """Train, calibrate on the validation parts, measure, and write `out/model.keras` and `out/metrics.json`.

    Args:
        recipe: what to do.
        recipe_path: the file it came from, copied into the run.
        data: folder of the data sets.
        out: the run's folder; `metrics.json` appears in it last of all.
        resume: go on from the last whole epoch found there.

    Returns:
        what `metrics.json` holds.

    Raises:
        DataError: a data set is missing or damaged.
        RecipeError: an unknown architecture or data set, or a loss that is no number.
    """
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(recipe_path, out / "recipe.toml")
    keras.utils.set_random_seed(recipe.seed)
    sources = [load(source, "train", data, recipe) for source in recipe.sources]
    started = time.time()
    model = _trained(recipe, sources, out, resume)
    graph = inference_graph(recipe, model)
    report = _evaluate(recipe, graph, data)
    spec = ModelSpec(
        name=recipe.name,
        labels=recipe.labels,
        input=recipe.input,
        temperature=report["temperature"],
        reject_below=report["reject_below"],
        romanised=recipe.romanised,
        architecture={**recipe.architecture, "parameters": graph.count_params()},
        training=_provenance(recipe, recipe_path, sources, time.time() - started),
        metrics=report,
        licence=recipe.licence,
    )
    part = out / "model.part.keras"
    graph.save(part)
    write_spec(part, spec)
    part.replace(out / "model.keras")
    write_atomic(out / "metrics.json", json.dumps(report, indent=1).encode())
    return report


def recipe_digest(recipe: Recipe) -> str:
    """SHA-256 of what the recipe says, whatever its comments and the order of its keys."""
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()


def build(recipe: Recipe) -> keras.Model:
    """The recipe's network, untrained: pixels in, logits out."""
    options = dict(recipe.architecture)
    name = options.pop("name", None)
    if name not in ARCHITECTURES:
        raise RecipeError(f"unknown architecture {name!r}; there are {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name](recipe.input, len(recipe.labels), **options)


def inference_graph(recipe: Recipe, trained: keras.Model) -> keras.Model:
    """The same weights in float32, with the softmax: (N, H, W, C) in 0-255 -> (N, classes) probabilities."""
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    plain = build(recipe)
    plain.set_weights(trained.get_weights())
    probabilities = keras.layers.Softmax(name="probabilities")(plain.output)
    keras.config.set_dtype_policy(policy)
    return keras.Model(plain.input, probabilities, name=recipe.name)


def load(source: Source, role: str, data: Path, recipe: Recipe) -> Samples:
    """The samples of a source whose labels the recipe knows; its split is the role unless it names another.

    Raises:
        RecipeError: no such data set.
        DataError: it is missing or damaged.
    """
    if source.name not in DATASETS:
        raise RecipeError(f"unknown data set {source.name!r}; there are {', '.join(DATASETS)}")
    return only(DATASETS[source.name](data, source.split or role), recipe.labels)


def _trained(recipe: Recipe, sources: list[Samples], out: Path, resume: bool) -> keras.Model:
    checkpoint, log = out / CHECKPOINT, out / LOG
    first = 0
    if resume and checkpoint.exists():
        model = keras.models.load_model(checkpoint)
        first = int(model.optimizer.iterations) // recipe.steps
        if first >= recipe.epochs:
            return model
    else:
        log.unlink(missing_ok=True)
        keras.config.set_dtype_policy(recipe.precision)
        model = build(recipe)
        if recipe.start:
            model.set_weights(_first_weights(Path(recipe.start)))
        model.compile(_optimiser(recipe), _loss(recipe), metrics=["accuracy"])
    batches = Batches(
        recipe, sources, first * recipe.steps, workers=2, use_multiprocessing=False, max_queue_size=16
    )
    callbacks = [keras.callbacks.TerminateOnNaN(), _Checkpoint(checkpoint, log, recipe.seed)]
    # Batches are drawn at random; shuffling them as well would make a resumed run differ.
    history = model.fit(
        batches,
        shuffle=False,
        steps_per_epoch=recipe.steps,
        epochs=recipe.epochs,
        initial_epoch=first,
        callbacks=callbacks,
        verbose=2,
    )
    if not all(np.isfinite(history.history.get("loss", [0.0]))):
        raise RecipeError("the loss is no longer a number: lower learning_rate, then run again")
    return model


def _first_weights(path: Path) -> list[NDArray[np.float32]]:
    if not path.exists():
        raise RecipeError(f"{path} is missing: train the recipe that makes it first")
    return keras.models.load_model(path, compile=False).get_weights()  # type: ignore[no-any-return]


def _optimiser(recipe: Recipe) -> keras.optimizers.Optimizer:
    steps = recipe.steps
    schedule = keras.optimizers.schedules.CosineDecay(
        recipe.learning_rate / 20,
        max(1, steps * (recipe.epochs - 1)),
        warmup_target=recipe.learning_rate,
        warmup_steps=steps if recipe.epochs > 1 else 0,
    )
    return keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)


def _loss(recipe: Recipe) -> keras.losses.Loss:
    return keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=recipe.label_smoothing)


class _Checkpoint(keras.callbacks.Callback):
    """After each epoch the whole state, then a line of the log; a run killed anywhere goes on from there."""

    def __init__(self, checkpoint: Path, log: Path, seed: int) -> None:
        super().__init__()
        self.checkpoint, self.log, self.seed, self.started = checkpoint, log, seed, 0.0

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.started = time.time()
        # What dropout drew so far is not part of a checkpoint: each epoch draws by its own number.
        for layer in self.model.layers:
            if isinstance(layer, keras.layers.Dropout):
                layer.seed_generator.state.assign([self.seed, epoch])

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        part = self.checkpoint.with_suffix(".part.keras")
        self.model.save(part)
        part.replace(self.checkpoint)
        row = {"epoch": epoch, "seconds": round(time.time() - self.started, 1), **(logs or {})}
        new = not self.log.exists()
        with self.log.open("a", newline="") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(row)


def _evaluate(recipe: Recipe, graph: keras.Model, data: Path) -> dict[str, Any]:
    """Temperature and limit for doubt from all validation parts together; figures of each part."""
    seen = {source.name: _answers(source, "validation", recipe, graph, data) for source in recipe.validation}
    temperature, reject_below = recipe.temperature, recipe.reject_below
    if seen:
        probabilities, labels = (np.concatenate(parts) for parts in zip(*seen.values(), strict=True))
        temperature = fit_temperature(probabilities, labels)
        calibrated = apply_temperature(probabilities, temperature)
        right = calibrated.argmax(axis=1) == labels
        reject_below = float(np.quantile(calibrated.max(axis=1)[right], _REFUSED))
    tests = {source.name: _answers(source, "test", recipe, graph, data) for source in recipe.test}
    return {
        "temperature": temperature,
        "reject_below": reject_below,
        "validation": {name: _figures(recipe, temperature, *part) for name, part in seen.items()},
        "test": {name: _figures(recipe, temperature, *part) for name, part in tests.items()},
    }


def _answers(
    source: Source, role: str, recipe: Recipe, graph: keras.Model, data: Path
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    pixels, labels = plain_batch(load(source, role, data, recipe), recipe)
    return np.asarray(graph.predict(pixels, batch_size=512, verbose=0)), labels


def _figures(
    recipe: Recipe, temperature: float, probabilities: NDArray[np.float32], labels: NDArray[np.int64]
) -> dict[str, Any]:
    calibrated = apply_temperature(probabilities, temperature)
    answers = calibrated.argmax(axis=1)
    right = answers == labels
    folded = np.array([label.lower() for label in recipe.labels])
    return {
        "n": len(labels),
        "accuracy": float(right.mean()),
        "interval95": wilson_interval(int(right.sum()), len(labels)),
        "ignoring_case": float((folded[answers] == folded[labels]).mean()),
        "calibration_error": calibration_error(calibrated.max(axis=1), right),
    }


def _provenance(recipe: Recipe, path: Path, sources: list[Samples], seconds: float) -> dict[str, Any]:
    return {
        "recipe": path.name,
        "recipe_sha256": recipe_digest(recipe),
        "data": {
            f"{entry.name}/{entry.split or 'train'}": {
                "characters": len(samples),
                "writers": len(set(samples.writers)),
            }
            for entry, samples in zip(recipe.sources, sources, strict=True)
        },
        "augmentation": asdict(recipe.augmentation),
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "seconds": round(seconds),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
