"""Cross-validation: one run a fold, each tested on the part that it did not see."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hwr_edge.errors import RecipeError
from hwr_edge.modelfile import write_atomic
from train.fit import fit
from train.recipe import Recipe, Source


def fold_recipe(recipe: Recipe, fold: str) -> Recipe:
    """The recipe that trains without `fold` and is tested on it."""
    train, test = (pattern.format(fold=fold) for pattern in (recipe.fold_train, recipe.fold_test))
    held_out = tuple(Source(source.name, split=test) for source in recipe.sources)
    sources = tuple(replace(source, split=train) for source in recipe.sources)
    # Nothing is chosen on the part left out but the temperature and the limit, which never change an answer.
    return replace(recipe, sources=sources, validation=held_out, test=held_out)


def crossval(
    recipe: Recipe, recipe_path: Path, data: Path, out: Path, *, resume: bool = False
) -> dict[str, Any]:
    """Fit every fold into `out/fold-NAME` and average their accuracies.

    Returns:
        {"folds": {name: accuracy}, "mean", "temperature", "reject_below"}, also in `out/crossval.json`.

    Raises:
        RecipeError: the recipe names no folds.
    """
    if not recipe.folds:
        raise RecipeError(f"{recipe_path}: has no folds; add folds = [...]")
    scores, limits = {}, []
    for fold in recipe.folds:
        folder = out / f"fold-{fold}"
        done = folder / "metrics.json"
        if resume and done.exists():
            report = json.loads(done.read_text("utf-8"))
        else:
            report = fit(fold_recipe(recipe, fold), recipe_path, data, folder, resume=resume)
        scores[fold] = float(np.mean([figures["accuracy"] for figures in report["test"].values()]))
        limits.append((report["temperature"], report["reject_below"]))
    temperature, reject_below = np.mean(limits, axis=0)
    result = {
        "folds": scores,
        "mean": float(np.mean(list(scores.values()))),
        "temperature": float(temperature),
        "reject_below": float(reject_below),
    }
    write_atomic(out / "crossval.json", json.dumps(result, indent=1).encode())
    return result
