"""A recipe's characters as ready model input in one npz file: what export calibrates and checks with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hwr_edge.errors import RecipeError
from train.batches import Batches, plain_batch
from train.parts import load_parts
from train.recipe import Recipe
from train.samples import Samples


def write(
    recipe: Recipe, data: Path, output: Path, *, split: str, only: Sequence[str] | None, count: int
) -> dict[str, Any]:
    """Write `images` uint8 (N, H, W, C) and `labels` int64 (N,), not augmented.

    "train" draws with the recipe's weights, so that calibration sees the mix that training saw; the other
    splits are taken whole, or thinned to `count`; `only` names data sets, where not all are wanted.

    Raises:
        RecipeError: the recipe names no data for that split.
    """
    if split not in ("train", "validation", "test"):
        raise RecipeError(f"unknown split {split!r}: there are train, validation, test")
    named = load_parts(recipe, data)
    if split == "train":
        wanted = [not only or source.name in only for source in recipe.sources]
        sources = tuple(source for source, keep in zip(recipe.sources, wanted, strict=True) if keep)
        parts = [part for part, keep in zip(named.train, wanted, strict=True) if keep]
    else:
        parts = [part for part in getattr(named, split) if not only or part.source in only]
    if not parts:
        raise RecipeError(f"the recipe {recipe.name!r} names no such data for the split {split!r}")
    rng = np.random.default_rng(recipe.seed)
    if split == "train":
        # Strangers are of no class, and nothing is learnt here.
        characters = replace(recipe, sources=sources, strangers=(), strange=0.0, teachers=(), taught=0.0)
        drawn = Batches(characters, parts).draw(count, rng)
        parts = [part.take(np.isin(np.arange(len(part)), chosen)) for part, chosen in _by_part(parts, drawn)]
    images, labels = (
        np.concatenate(both) for both in zip(*(plain_batch(p, recipe) for p in parts), strict=True)
    )
    keep = np.sort(rng.permutation(len(labels))[:count])
    output.parent.mkdir(parents=True, exist_ok=True)
    part = output.with_suffix(".part.npz")
    np.savez_compressed(part, images=images[keep], labels=labels[keep])
    part.replace(output)
    return {
        "file": str(output),
        "split": split,
        "characters": len(keep),
        "classes": len(np.unique(labels[keep])),
    }


def _by_part(parts: list[Samples], drawn: np.ndarray) -> list[tuple[Samples, np.ndarray]]:
    """Indices into all parts joined, told apart: (part, indices within it)."""
    ends = np.cumsum([len(part) for part in parts])
    starts = ends - [len(part) for part in parts]
    return [
        (part, drawn[(drawn >= start) & (drawn < end)] - start)
        for part, start, end in zip(parts, starts, ends, strict=True)
    ]
