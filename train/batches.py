"""Batches drawn from weighted sources: balanced by class and writer, augmented, fixed by the seed."""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from math import ceil
from threading import Lock

import keras
import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import DataError
from hwr_edge.image import to_batch
from hwr_edge.ink import Pixels
from train.augment import PEN, augment, draw, no_character, tight
from train.placement import Placement, place
from train.recipe import Recipe
from train.samples import Samples
from train.teachers import Teachers

_THREADS, _AHEAD = 2, 16  # that draw batches, and how many batches early


class Batches(keras.utils.PyDataset):
    """Keras' view of the training data: every batch of the whole run, from batch number `first` on.

    One long row rather than one an epoch: when Keras tells a data set that an epoch ended differs between
    a new and a resumed run. The seed names each batch, so that any number of threads draws the same.

    The threads are its own, for Keras' workers begin again at batch 0 in every epoch, and fail where several
    devices fetch ahead of the epoch's end.

    Attributes:
        steps: batches an epoch.
    """

    def __init__(
        self, recipe: Recipe, sources: Sequence[Samples], first: int = 0, strangers: Sequence[Samples] = ()
    ) -> None:
        super().__init__()
        self.recipe, self.first = recipe, first
        self.items = [item for source in sources for item in source.items]
        names = np.concatenate([source.labels for source in sources])
        self.labels = label_indices(names, recipe.labels)
        shares = [
            entry.weight * _chances(source) for entry, source in zip(recipe.sources, sources, strict=True)
        ]
        self.cumulative = np.cumsum(np.concatenate(shares))
        self.strangers = [item for source in strangers for item in source.items]
        shares = [
            np.full(len(source), entry.weight / len(source))
            for entry, source in zip(recipe.strangers, strangers, strict=True)
        ]
        self.strange = np.cumsum(np.concatenate(shares)) if shares else np.ones(1)
        self.teachers = Teachers(recipe) if recipe.teachers else None
        self.steps = (
            max(1, recipe.samples // recipe.batch) if recipe.samples else ceil(len(names) / recipe.batch)
        )
        # Without augmentation nothing changes from one epoch to the next: the pixels are made once.
        self.ready = None if recipe.augmentation else np.concatenate([_planes(s, recipe) for s in sources])
        self.threads, self.lock = ThreadPoolExecutor(_THREADS), Lock()
        self.coming: dict[int, Future[tuple[Pixels, NDArray[np.float32]]]] = {}

    def __len__(self) -> int:
        return self.recipe.epochs * self.steps - self.first

    def __getitem__(self, index: int) -> tuple[Pixels, NDArray[np.float32]]:
        with self.lock:  # several devices may read at once
            for number in range(index, max(index + 1, min(index + _AHEAD, len(self)))):
                if number not in self.coming:
                    self.coming[number] = self.threads.submit(self.batch, self.first + number)
            batch = self.coming.pop(index)
        return batch.result()

    def batch(self, number: int) -> tuple[Pixels, NDArray[np.float32]]:
        """Batch `number` of the run: uint8 (N, H, W, C), and the wanted answers, float32 (N, classes)."""
        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, number])
        chosen = self.draw(recipe.batch, rng) if recipe.samples else self._next(number)
        targets = np.eye(len(recipe.labels), dtype=np.float32)[self.labels[chosen]]
        if self.ready is None:
            pictures = self._augmented(chosen, targets, rng)
        else:
            pictures = self.ready[chosen]
        if recipe.placement != Placement():
            pictures = place(pictures, recipe.placement, 255 if recipe.input.ink == "dark" else 0, rng)
        if pictures.shape[-1] < recipe.input.channels:
            pictures = np.repeat(pictures, recipe.input.channels, axis=3)
        if self.teachers is not None:
            known = targets.max(axis=1) == 1  # what is no character is to be doubted, whatever teachers say
            targets[known] = self.teachers.softened(pictures[known], targets[known])
        return pictures, targets

    def draw(self, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Indices of `count` items, by the weights of sources, classes and writers."""
        return _drawn(self.cumulative, count, rng)

    def _next(self, number: int) -> NDArray[np.int64]:
        """Indices of batch `number` where every item comes once an epoch; an epoch's last may be smaller."""
        epoch, step = divmod(number, self.steps)
        order = _order(self.recipe.seed, epoch, len(self.items))
        return order[step * self.recipe.batch : (step + 1) * self.recipe.batch]

    def _augmented(
        self, chosen: NDArray[np.int64], targets: NDArray[np.float32], rng: np.random.Generator
    ) -> Pixels:
        """New patches of the chosen items; where some become no character, their targets are changed."""
        recipe = self.recipe
        assert recipe.augmentation is not None
        patches = [augment(self.items[i], recipe.augmentation, rng) for i in chosen]
        joined = round(recipe.negatives * len(chosen))
        for slot in range(joined):
            patches[slot] = no_character(patches[slot], patches[-1 - slot], rng)
        drawn = _drawn(self.strange, round(recipe.strange * len(chosen)), rng)
        for slot, number in enumerate(drawn, joined):
            patches[slot] = augment(self.strangers[number], recipe.augmentation, rng)
        targets[: joined + len(drawn)] = 1 / len(recipe.labels)
        return to_batch(patches, recipe.input)


def plain_batch(samples: Samples, recipe: Recipe) -> tuple[Pixels, NDArray[np.int64]]:
    """All samples as one batch without augmentation; strokes are drawn with one pen.

    Returns:
        uint8 (N, H, W, C), and int64 (N,) class indices.
    """
    planes = _planes(samples, recipe)
    return np.repeat(planes, recipe.input.channels, axis=3), label_indices(samples.labels, recipe.labels)


def _planes(samples: Samples, recipe: Recipe) -> Pixels:
    """One of the equal planes of each sample's input, (N, H, W, 1): memory is what limits large inputs."""
    frame = replace(recipe.input, channels=1)
    if samples.drawn:
        side = max(frame.height, frame.width, 56)
        patches = [tight(draw(item, PEN, side)) for item in samples.items]  # type: ignore[arg-type]
        return to_batch(patches, frame)
    if recipe.view == "picture":  # the picture fills the input as it is
        frame = replace(frame, fit="stretch", margin=0)
    return to_batch(samples.items, frame)  # type: ignore[arg-type]


def _drawn(cumulative: NDArray[np.float64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Indices drawn by chances of which these are the running sums."""
    drawn = np.searchsorted(cumulative, rng.random(count) * cumulative[-1])
    return np.minimum(drawn, len(cumulative) - 1)


@lru_cache(maxsize=4)
def _order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch, count]).permutation(count)


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
