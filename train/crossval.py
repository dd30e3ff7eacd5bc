"""Cross-validation: one run a fold, each tested on the part that it did not see."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hwr_edge.errors import RecipeError
from hwr_edge.modelfile import write_atomic
from train.fit import METRICS, fit
from train.recipe import Recipe, Source, unknown

FIGURES = ("accuracy", "precision", "recall", "auc", "f1")
"""The five that the Hangul paper reports of every fold."""


def fold_recipes(recipe: Recipe) -> dict[str, Recipe]:
    """The recipe of each fold by name: it trains without that part and is tested on it.

    Raises:
        RecipeError: the recipe names no folds.
    """
    if recipe.split and recipe.split.folds:
        split = recipe.split
        return {str(i): replace(recipe, split=replace(split, fold=i)) for i in range(split.folds)}
    if not recipe.folds:
        raise RecipeError("the recipe has no folds: add folds = 5 to its split")
    return {fold: _without(recipe, fold) for fold in recipe.folds}


def fold_recipe(recipe: Recipe, fold: str) -> Recipe:
    """The recipe of one fold.

    Raises:
        RecipeError: the recipe names no such fold.
    """
    plans = fold_recipes(recipe)
    if fold not in plans:
        raise RecipeError(unknown("fold", fold, plans))
    return plans[fold]


def _without(recipe: Recipe, fold: str) -> Recipe:
    train, test = (pattern.format(fold=fold) for pattern in (recipe.fold_train, recipe.fold_test))
    # A source that names its split, such as fonts, helps every fold and tests none.
    held_out = tuple(Source(source.name, split=test) for source in recipe.sources if not source.split)
    sources = tuple(source if source.split else replace(source, split=train) for source in recipe.sources)
    # Nothing is chosen on the part left out but the temperature and the limit, which never change an answer.
    return replace(recipe, sources=sources, validation=held_out, test=held_out)


def crossval(
    recipe: Recipe, recipe_path: Path, data: Path, out: Path, *, resume: bool = False
) -> dict[str, Any]:
    """Fit every fold into `out/fold-NAME` and average their figures.

    Returns:
        {"folds": {name: accuracy}, "mean", "figures": {name: `FIGURES`}, "means": `FIGURES`, "best": the fold
        with the highest accuracy, "temperature", "reject_below"}, also in `out/crossval.json`, written last.

    Raises:
        RecipeError: the recipe names no folds.
    """
    plans = fold_recipes(recipe)
    (out / "crossval.json").unlink(missing_ok=True)
    reports = {}
    for fold, plan in plans.items():
        folder = out / f"fold-{fold}"
        done = folder / METRICS
        if resume and done.exists():
            reports[fold] = json.loads(done.read_text("utf-8"))
        else:
            reports[fold] = fit(plan, recipe_path, data, folder, resume=resume)
    figures = {fold: _mean(list(report["test"].values())) for fold, report in reports.items()}
    result = {
        "folds": {fold: one["accuracy"] for fold, one in figures.items()},
        "mean": float(np.mean([one["accuracy"] for one in figures.values()])),
        "figures": figures,
        "means": _mean(list(figures.values())),
        "best": max(figures, key=lambda fold: figures[fold]["accuracy"]),
        "temperature": float(np.mean([report["temperature"] for report in reports.values()])),
        "reject_below": float(np.mean([report["reject_below"] for report in reports.values()])),
    }
    write_atomic(out / "crossval.json", json.dumps(result, indent=1).encode())
    return result


def _mean(rows: list[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([row[name] for row in rows])) for name in FIGURES}
