"""One run: a recipe and data in, a folder with the models and their figures out."""

import hashlib
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import keras
import numpy as np

from hwr_edge.cli.output import OutputError
from hwr_edge.errors import HwrError
from hwr_edge.modelfile import write_atomic, write_json, write_spec
from hwr_edge.spec import ModelSpec
from train.devices import environment, placed
from train.evaluate import evaluate
from train.files import same, save
from train.history import read_history
from train.loop import load_best, trained
from train.network import inference_graph
from train.parts import Parts, load_parts
from train.recipe import Recipe
from train.report import draw_report
from train.samples import Samples
from train.watch import best_epoch

METRICS = "metrics.json"
PREDICTIONS = "predictions.npz"
_FINISHED = (METRICS, PREDICTIONS, "model.keras", "best.keras", "last.keras")


def fit(recipe: Recipe, recipe_path: Path, data: Path, out: Path, *, resume: bool = False) -> dict[str, Any]:
    """Train, calibrate on the validation parts, measure, and fill the run's folder.

    It holds `recipe.toml` as it was read and `recipe.json` as it counted, `environment.json`, `data.json`
    (sizes and hashes of the parts), `history.csv` (a row an epoch), `checkpoint.keras` (to resume from),
    `best.keras` and `last.keras` (lowest validation loss, and last epoch: inference graphs with their spec),
    `model.keras` (the one of them that the recipe keeps), `predictions.npz` (`probabilities` float32 (N, C),
    `labels` int64 (N,) and `ids` of the test parts), their pictures and tables (`train.report`) and, last of
    all, `metrics.json`.

    Args:
        recipe: what to do.
        recipe_path: the file it came from, copied into the run.
        data: folder of the data sets.
        out: the run's folder.
        resume: go on from the last whole epoch found there.

    Returns:
        what `metrics.json` holds.

    Raises:
        DataError: a data set, or the weights to start from, are missing or damaged.
        RecipeError: an unknown architecture or data set, or a loss that is no number.
        DeviceError: a device that is not there.
        OutputError: the folder cannot be written, because the disk is full, say.
    """
    try:
        return _fit(recipe, recipe_path, data, out, resume)
    except OSError as error:
        if isinstance(error, HwrError):
            raise
        raise OutputError(
            f"{out}: the run cannot be written ({error}): make room, then run again with --resume"
        ) from error


def recipe_digest(recipe: Recipe) -> str:
    """SHA-256 of what the recipe says, whatever its comments and the order of its keys."""
    return hashlib.sha256(json.dumps(asdict(recipe), sort_keys=True).encode()).hexdigest()


def _fit(recipe: Recipe, recipe_path: Path, data: Path, out: Path, resume: bool) -> dict[str, Any]:
    place = placed(recipe.device, recipe.devices)
    parts = load_parts(recipe, data)
    out.mkdir(parents=True, exist_ok=True)
    for name in _FINISHED:  # a folder looks finished only once everything in it is of this run
        (out / name).unlink(missing_ok=True)
    write_atomic(out / "recipe.toml", recipe_path.read_bytes())
    write_json(out / "recipe.json", asdict(recipe))
    write_json(out / "environment.json", environment())
    write_json(out / "data.json", _summary(parts))
    keras.utils.set_random_seed(recipe.seed)
    with place:
        model = trained(recipe, parts, out, resume)
    report = _write_models(recipe, recipe_path, parts, model, out)
    write_json(out / METRICS, report)
    return report


def _write_models(
    recipe: Recipe, recipe_path: Path, parts: Parts, model: keras.Model, out: Path
) -> dict[str, Any]:
    """Write `last.keras`, `best.keras`, the kept one as `model.keras`, and its answers; return its report."""
    history = read_history(out)
    losses = [row["val_loss"] for row in history if "val_loss" in row]
    best = best_epoch(losses) if losses else len(history) - 1
    shared = {
        "epochs": len(history),
        "best_epoch": best + 1,
        "kept": recipe.keep,
        "parameters": model.count_params(),
        "watched": "validation" if parts.validation else "test" if parts.watched(recipe) else "",
    }
    reports: dict[str, dict[str, Any]] = {}
    for which in ("last", "best"):
        path = out / f"{which}.keras"
        if which == "best" and (best == len(history) - 1 or not load_best(model, out)):
            reports["best"] = reports["last"]
            same(out / "last.keras", path)
            break
        graph = inference_graph(recipe, model)
        figures, answers = evaluate(recipe, parts, graph)
        reports[which] = {**shared, **figures}
        spec = ModelSpec(
            name=recipe.name,
            labels=recipe.labels,
            input=recipe.input,
            temperature=figures["temperature"],
            reject_below=figures["reject_below"],
            romanised=recipe.romanised,
            architecture={**recipe.architecture, "parameters": graph.count_params()},
            training=_provenance(recipe, recipe_path, parts, sum(row["seconds"] for row in history)),
            metrics=reports[which],
            licence=recipe.licence,
        )
        part = out / f"part.{path.name}"
        save(graph, part)
        write_spec(part, spec)
        part.replace(path)
        if which == recipe.keep or which == "last":
            packed = io.BytesIO()
            np.savez_compressed(packed, **asdict(answers))
            write_atomic(out / PREDICTIONS, packed.getvalue())
            draw_report(out, answers.probabilities, answers.labels, recipe.labels, recipe.romanised)
    same(out / f"{recipe.keep}.keras", out / "model.keras")
    return reports[recipe.keep]


def _summary(parts: Parts) -> dict[str, Any]:
    """What the run saw: characters, writers and classes of each part, and their hashes."""

    def row(samples: Samples) -> dict[str, Any]:
        return {
            "characters": len(samples),
            "writers": len(set(samples.writers.tolist())),
            "classes": len(set(samples.labels.tolist())),
            "sha256": samples.digest(),
        }

    return {
        f"{samples.source}/{role}": row(samples)
        for role in ("train", "validation", "test")
        for samples in getattr(parts, role)
    }


def _provenance(recipe: Recipe, path: Path, parts: Parts, seconds: float) -> dict[str, Any]:
    where = environment()
    return {
        "recipe": path.name,
        "recipe_sha256": recipe_digest(recipe),
        "data": _summary(parts),
        "split": asdict(recipe.split) if recipe.split else {},
        "augmentation": asdict(recipe.augmentation) if recipe.augmentation else {},
        "weights": recipe.weights,
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        "seconds": round(seconds),
        "keras": where["versions"]["keras"],
        "backend": where["backend"],
        "machine": where["machine"],
        "gpus": where["gpus"],
    }
