"""The images that ranges are taken from and files are checked on, as the model sees them."""

import hashlib
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hwr_edge.dataset import Labels, read_labelled
from hwr_edge.errors import DataError
from hwr_edge.image import load, to_batch
from hwr_edge.ink import char_crop
from hwr_edge.modelfile import sha256
from hwr_edge.spec import ModelSpec

_BLOCK = 1 << 20  # values of all images of a block; a network's activations are a hundred times as many


@dataclass(frozen=True)
class Samples:
    """Images ready for a model: uint8 (N, H, W, C), labels int64 (N,), and the hash of their source."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sha256: str

    def __len__(self) -> int:
        return len(self.labels)

    def balanced(self, count: int, seed: int) -> tuple["Samples", "Samples"]:
        """At most `count` of them, as many of each class as there are, drawn with `seed`; and the others."""
        order = np.random.default_rng(seed).permutation(len(self.labels))
        rank = np.zeros(len(order), np.int64)  # the how-manyeth of its class each one is
        seen: dict[int, int] = {}
        for index in order:
            label = int(self.labels[index])
            rank[index] = seen[label] = seen.get(label, -1) + 1
        chosen = order[np.argsort(rank[order], kind="stable")]
        return self._take(chosen[:count]), self._take(chosen[count:])

    def without(self, other: "Samples") -> "Samples":
        """Those that are not among the others, byte for byte."""
        theirs = {image.tobytes() for image in other.images}
        return self._take(np.flatnonzero([image.tobytes() not in theirs for image in self.images]))

    def _take(self, chosen: NDArray[np.int64]) -> "Samples":
        return Samples(self.images[chosen], self.labels[chosen], self.sha256)


def read_samples(path: Path, spec: ModelSpec) -> Samples:
    """Read labelled images of a model: an `.npz` of its own input, or labelled pictures of any kind.

    An `.npz` of `images` uint8 (N, H, W, C), as `image.to_batch` makes them, and `labels` int (N,) is taken
    as it is; of all else, each picture is cut to its one character and fitted in, as `Recognizer` does it.

    Raises:
        DataError: missing, damaged, or not the images and labels of this model.
    """
    arrays = _arrays(path) if path.suffix == ".npz" else {}
    shape = (spec.input.height, spec.input.width, spec.input.channels)
    images, labels = arrays.get("images"), arrays.get("labels")
    if images is None or labels is None or images.shape[1:3] != shape[:2] or images.ndim != 4:
        return _cut(path, spec)
    if images.dtype != np.uint8 or images.shape[1:] != shape or not len(images):
        raise DataError(
            f"{path}: images are {images.dtype} {images.shape}, model {spec.name} wants uint8 (N, {shape})"
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise DataError(f"{path}: labels are {labels.dtype} {labels.shape}, expected int ({len(images)},)")
    if labels.min() < 0 or labels.max() >= len(spec.labels):
        raise DataError(
            f"{path}: labels reach {labels.max()}, model {spec.name} has {len(spec.labels)} classes"
        )
    return Samples(images, labels.astype(np.int64), sha256(path))


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return {name: file[name] for name in ("images", "labels") if name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} is not an .npz with the arrays images and labels: {error}") from error


def _cut(path: Path, spec: ModelSpec) -> Samples:
    """Labelled pictures of any kind, each cut to its character; those without one are left out."""
    known = {label: index for index, label in enumerate(spec.labels)}
    crops, labels = [], []
    for name, label, picture in read_labelled(path, Labels(spec.labels, spec.romanised)):
        if label not in known:
            raise DataError(f"{path}: {name} is labelled {label!r}, which model {spec.name} does not know")
        crop = char_crop(load(picture))
        if crop:
            crops.append(crop.patch)
            labels.append(known[label])
    if not crops:
        raise DataError(f"{path}: no picture of it holds a character")
    images = to_batch(crops, spec.input)
    digest = hashlib.sha256(images.tobytes() + np.array(labels).tobytes())
    return Samples(images, np.array(labels, np.int64), digest.hexdigest())


def blocks(images: NDArray[Any], most: int = 256) -> list[NDArray[Any]]:
    """`images` cut into runs of `block_size`, the last one shorter."""
    size = block_size(images, most)
    return [images[at : at + size] for at in range(0, len(images), size)]


def block_size(images: NDArray[Any], most: int = 256) -> int:
    """How many images to compute at once, at most `most`: of large ones fewer, or memory runs short."""
    return max(1, min(most, len(images), _BLOCK * len(images) // max(1, images.size)))
