"""Batches drawn from weighted sources: balanced by class and writer, augmented, fixed by the seed."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import DataError
from hwr_edge.image import to_batch
from hwr_edge.ink import Pixels
from train.augment import augment, draw, no_character, tight
from train.recipe import Recipe
from train.samples import Samples


class Batches(keras.utils.PyDataset):
    """Keras' view of the training mix: every batch of the whole run, from batch number `first` on.

    One long row rather than one an epoch: when Keras tells a data set that an epoch ended differs between
    a new and a resumed run.
    """

    def __init__(self, recipe: Recipe, sources: Sequence[Samples], first: int = 0, **options: Any) -> None:
        super().__init__(**options)
        self.recipe, self.first = recipe, first
        self.items = [item for source in sources for item in source.items]
        names = np.concatenate([source.labels for source in sources])
        self.labels = label_indices(names, recipe.labels)
        shares = [
            entry.weight * _chances(source) for entry, source in zip(recipe.sources, sources, strict=True)
        ]
        self.cumulative = np.cumsum(np.concatenate(shares))

    def __len__(self) -> int:
        return self.recipe.epochs * self.recipe.steps - self.first

    def __getitem__(self, index: int) -> tuple[Pixels, NDArray[np.float32]]:
        recipe = self.recipe
        # The seed names the batch, so any number of workers and a resumed run draw the same.
        rng = np.random.default_rng([recipe.seed, self.first + index])
        chosen = self.draw(recipe.batch, rng)
        patches = [augment(self.items[i], recipe.augmentation, rng) for i in chosen]
        targets = np.eye(len(recipe.labels), dtype=np.float32)[self.labels[chosen]]
        for slot in range(round(recipe.negatives * recipe.batch)):
            patches[slot] = no_character(patches[slot], patches[-1 - slot], rng)
            targets[slot] = 1 / len(recipe.labels)
        return to_batch(patches, recipe.input), targets

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Indices of `count` items, by the weights of sources, classes and writers."""
        drawn = np.searchsorted(self.cumulative, rng.random(count) * self.cumulative[-1])
        return np.minimum(drawn, len(self.items) - 1)


def plain_batch(samples: Samples, recipe: Recipe, width: float = 0.07) -> tuple[Pixels, NDArray[np.int64]]:
    """All samples as one batch without augmentation; strokes are drawn with one pen.

    Returns:
        uint8 (N, H, W, C), and int64 (N,) class indices.
    """
    rng = np.random.default_rng(recipe.seed)
    patches = [tight(draw(item, rng, width)) if isinstance(item, tuple) else item for item in samples.items]
    return to_batch(patches, recipe.input), label_indices(samples.labels, recipe.labels)


def label_indices(names: NDArray[np.str_], labels: Sequence[str]) -> NDArray[np.int64]:
    """Position of each name in `labels`."""
    position = {label: index for index, label in enumerate(labels)}
    return np.array([position[str(name)] for name in names], np.int64)


def only(samples: Samples, labels: Sequence[str]) -> Samples:
    """The samples whose label the model knows.

    Raises:
        DataError: there are none.
    """
    keep = np.isin(samples.labels, labels)
    if not keep.any():
        raise DataError(f"{samples.source} has none of the labels {''.join(labels)!r}")
    return samples if keep.all() else samples.take(keep)


def _chances(samples: Samples) -> NDArray[np.float64]:
    """Chance of each item: classes alike, writers by the square root of what they wrote; sums to 1."""
    _, label, label_count = np.unique(samples.labels, return_inverse=True, return_counts=True)
    _, writer, writer_count = np.unique(samples.writers, return_inverse=True, return_counts=True)
    chance = 1 / np.sqrt(writer_count[writer])
    chance /= np.bincount(label, weights=chance)[label] * len(label_count)
    return chance  # type: ignore[no-any-return]
