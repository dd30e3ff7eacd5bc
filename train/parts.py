"""What a recipe trains on, watches and is tested on: its data sets, parted."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from hwr_edge.errors import DataError, RecipeError
from train.datasets import DATASETS
from train.recipe import Recipe, Source, unknown
from train.samples import CROP, Samples, View
from train.split import part, part_own
from train.strangers import ALIKE


@dataclass(frozen=True)
class Parts:
    """Samples by role, one entry a source.

    Attributes:
        train: in the order of the recipe's sources.
        validation: may be empty.
        test: measured at the end.
        strangers: what is none of the labels, in the order of the recipe's.
    """

    train: tuple[Samples, ...]
    validation: tuple[Samples, ...]
    test: tuple[Samples, ...]
    strangers: tuple[Samples, ...] = ()

    def watched(self, recipe: Recipe) -> tuple[Samples, ...]:
        """What each epoch is measured on: the validation part, else the test part that a split made."""
        return self.validation or (self.test if recipe.split or recipe.watched else ())


def load_parts(recipe: Recipe, data: Path) -> Parts:
    """Read and part the recipe's data.

    Raises:
        RecipeError: no such data set.
        DataError: one is missing or damaged, too small for the split, or a class has no training picture.
    """
    if recipe.split is None:
        parts = Parts(
            tuple(load(source, "train", data, recipe) for source in recipe.sources),
            tuple(load(source, "validation", data, recipe) for source in recipe.validation),
            tuple(load(source, "test", data, recipe) for source in recipe.test),
        )
    else:
        rows = zip(*(_split(source, data, recipe) for source in recipe.sources), strict=True)
        train, validation, test = (tuple(one for one in row if len(one)) for row in rows)
        parts = Parts(train, validation, test)
    if recipe.watched and not (parts.validation or parts.test):
        raise RecipeError(
            "something waits for a validation loss (stop_patience, plateau_patience, keep):"
            " name validation data"
        )
    _check_classes(recipe, parts.train)
    return replace(parts, strangers=tuple(strangers(source, data, recipe) for source in recipe.strangers))


def load(source: Source, role: str, data: Path, recipe: Recipe) -> Samples:
    """The samples of a source whose labels the recipe knows; its split is the role unless it names another.

    Raises:
        RecipeError: no such data set.
        DataError: it is missing or damaged, or has none of the labels.
    """
    view = View(recipe.input.height, recipe.input.width) if recipe.view == "picture" else CROP
    if source.path:
        from train.own import own_pictures

        return replace(own_pictures(data / source.path, recipe.labels, view), source=source.name)
    samples = _data_set(source.name)(data, source.split or role, view)
    keep = np.isin(samples.labels, recipe.labels)
    if not keep.any() and len(samples):
        raise DataError(f"{samples.source} has none of the labels {''.join(recipe.labels)!r}")
    # A recipe may take several parts of one data set: its figures and ids tell them apart.
    name = f"{source.name}/{source.split}" if source.split else source.name
    return replace(samples if keep.all() else samples.take(keep), source=name)


def strangers(source: Source, data: Path, recipe: Recipe) -> Samples:
    """The samples of a source that are none of the recipe's labels and, in another script, look like none.

    Raises:
        RecipeError: no such data set.
        DataError: it is missing or damaged, or holds the recipe's own characters only.
    """
    samples = _data_set(source.name)(data, source.split or "train")
    strange = ~np.isin(samples.labels, [*recipe.labels, *ALIKE])
    if not strange.any():
        raise DataError(f"{source.name} has nothing but the labels: name another data set as strangers")
    return samples.take(strange)


def _data_set(name: str) -> Callable[..., Samples]:
    if name not in DATASETS:
        raise RecipeError(unknown("data set", name, DATASETS))
    return DATASETS[name]


def _split(source: Source, data: Path, recipe: Recipe) -> tuple[Samples, ...]:
    assert recipe.split is not None
    if recipe.split.by == "own":
        if source.path:
            raise RecipeError(f"{source.path} has no parts of its own: split it by picture")
        own = [load(source, role, data, recipe) for role in ("train", "validation", "test")]
        return part_own(own[0], own[1], own[2], recipe.split)
    return part(load(source, "all", data, recipe), recipe.split)


def _check_classes(recipe: Recipe, train: tuple[Samples, ...]) -> None:
    seen = set().union(*(samples.labels.tolist() for samples in train))
    missing = [label for label in recipe.labels if label not in seen]
    if missing:
        raise DataError(
            f"no training picture for {', '.join(missing[:10])}{' and more' if len(missing) > 10 else ''}:"
            " add some, or take the labels out of the recipe"
        )
