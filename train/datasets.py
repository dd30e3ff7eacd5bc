"""The data sets by name: each a function (folder, split) -> Samples, split by writer where writers are known.

Splits are "train", "validation" and "test"; a test part is never trained or selected on. Images pass
`hwr_edge.ink.char_crop`, as they will at inference, and the result is cached by content.
"""

import hashlib
import inspect
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwr_edge import ink
from hwr_edge.dataset import read_idx, read_images
from hwr_edge.errors import DataError
from hwr_edge.ink import Pixels
from train.fonts import faces, glyphs
from train.samples import Samples, Strokes

DIGITS = "0123456789"
LATIN = DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZ" + "abcdefghijklmnopqrstuvwxyz"

# fmt: off
HANGUL = {
    "g": "ㄱ", "n": "ㄴ", "d": "ㄷ", "r": "ㄹ", "m": "ㅁ", "b": "ㅂ", "s": "ㅅ", "ng": "ㅇ", "j": "ㅈ",
    "ch": "ㅊ", "k": "ㅋ", "t": "ㅌ", "p": "ㅍ", "h": "ㅎ", "gg": "ㄲ", "bb": "ㅃ", "ss": "ㅆ",
    "a": "ㅏ", "ae": "ㅐ", "ya": "ㅑ", "yae": "ㅒ", "eo": "ㅓ", "e": "ㅔ", "yeo": "ㅕ", "ye": "ㅖ",
    "o": "ㅗ", "yo": "ㅛ", "u": "ㅜ", "yu": "ㅠ", "eu": "ㅡ", "i": "ㅣ",
}
# fmt: on
"""Romanised name -> jamo; ㅕ has no images of its own and is made by mirroring ㅑ."""

Row = tuple[Pixels, str, str]  # patch, label, writer


@dataclass(frozen=True)
class Pictures:
    """An archive with one character a picture.

    Attributes:
        archive: its file name.
        row: file name -> label and writer, or None for a picture that does not count.
        validation, test: the writer numbers at which those parts begin; below is train.
    """

    archive: str
    row: Callable[[str], tuple[str, str] | None]
    validation: int
    test: int


def _chars74k_row(name: str) -> tuple[str, str]:
    label, volunteer = re.fullmatch(r"img(\d+)-(\d+)\.png", name).groups()  # type: ignore[union-attr]
    return LATIN[int(label) - 1], volunteer


def _paper_crops_row(name: str) -> tuple[str, str]:
    _, label, number = Path(name).stem.split("_")
    return label, number


def _paper_symbols_row(name: str) -> tuple[str, str] | None:
    label, number = Path(name).stem.split("-")
    return (label, number) if label in DIGITS else None


def _hangul_row(name: str) -> tuple[str, str]:
    label, index, _ = Path(name).stem.split("_")
    return HANGUL[label], str(int(index) // 30)


PICTURES = {
    # 62 classes x 55 volunteers: 1-40 train, 41-45 validation, 46-55 test.
    "chars74k": Pictures("chars74k-EnglishHnd.zip", _chars74k_row, 41, 46),
    # Photographed from paper, 62 classes: numbers 0-52 train, 53-59 validation, 60-74 (a fifth) test.
    "paper-crops": Pictures("paper-crops-62.zip", _paper_crops_row, 53, 60),
    # BHMSDS, its digits only: 0-1349 of each train, the rest validation, no test part.
    "paper-symbols": Pictures("paper-symbols-18.zip", _paper_symbols_row, 1350, 1500),
    # 30 classes x 4 groups that look like four writers; see `hangul` for its splits.
    "hangul": Pictures("hangul-characters.zip", _hangul_row, 4, 4),
}


def pictures(data: Path, name: str, split: str) -> Iterator[tuple[Pixels, str]]:
    """The untouched pictures of a split with their labels, as a user would hand them in.

    Yields:
        BGR uint8 (H, W, 3), label.
    """
    source = PICTURES[name]
    for file, image in read_images(data / source.archive):
        known = source.row(file)
        if known and _in_split(np.array([int(known[1])]), source, split)[0]:
            yield image, known[0]


def _from_pictures(name: str, data: Path, split: str) -> Samples:
    source = PICTURES[name]
    samples = _cached_images(data / source.archive, name, source.row)
    return samples.take(_in_split(samples.writers.astype(int), source, split))


def letter_cards(data: Path, split: str) -> Samples:
    """Letters cut from ruled cards, a writer a card; number % 5 in 0-1 train, 2 validation, 3-4 test."""
    path = data / "letter-cards.zip"

    def rows() -> Iterable[Row]:
        for name, image in read_images(path):
            frame = re.findall(r"\d+", name)[0]
            for label, cell in _card_cells(image):
                crop = ink.char_crop(cell, "no")
                if crop is not None and max(crop.patch.shape) > 20:
                    yield crop.patch, label, frame

    samples = _cached([path], "letter-cards", rows)
    return samples.take(_part(samples.writers.astype(int) % 5, 2, 3, split))


def mnist(data: Path, split: str) -> Samples:
    """MNIST: the last 5,000 training images are validation; the official test part is test."""
    kind = "t10k" if split == "test" else "train"
    images_path = data / "mnist" / f"{kind}-images-idx3-ubyte.gz"
    labels = read_idx(data / "mnist" / f"{kind}-labels-idx1-ubyte.gz")

    def rows() -> Iterable[Row]:
        for index, (image, label) in enumerate(zip(read_idx(images_path), labels, strict=True)):
            crop = ink.char_crop(image, "yes")
            if crop is not None:
                yield crop.patch, DIGITS[label], str(index)

    samples = _cached([images_path], f"mnist-{kind}", rows)
    if split == "test":
        return samples
    last = samples.writers.astype(int) >= 55_000
    return samples.take(last if split == "validation" else ~last)


def unipen(data: Path, split: str) -> Samples:
    """UNIPEN isolated characters as strokes; every twentieth writer validation, every next one test."""
    path = data / "unipen62-strokes.npz"
    if not path.exists():
        raise DataError(f"{path} is missing: put the UNIPEN strokes there")
    with np.load(path) as file:
        points = file["points"].astype(np.float32) * np.array([1, -1], np.float32)
        pens = np.split(points, file["stroke_offsets"][1:-1])
        starts = file["char_offsets"]
        labels = np.array(list(LATIN))[file["labels"]]
        writers = file["writers"]
    items: list[Strokes] = [tuple(pens[a:b]) for a, b in pairwise(starts)]
    samples = Samples("unipen", items, labels, writers.astype(str))
    return samples.take(_part(np.unique(writers, return_inverse=True)[1] % 20, 18, 19, split))


def hangul(data: Path, split: str) -> Samples:
    """Hangul letters, 30 classes x 4 groups (writers) x 20, and ㅕ mirrored from ㅑ.

    Split "train" is everything; "without-G" and "group-G" (G in 0-3) leave one group out.
    """
    samples = _from_pictures("hangul", data, split)
    mirrored = samples.take(samples.labels == HANGUL["ya"])
    return Samples(
        "hangul",
        [*samples.items, *(np.ascontiguousarray(patch[:, ::-1]) for patch in mirrored.items)],  # type: ignore[index, call-overload]
        np.concatenate([samples.labels, np.full(len(mirrored), HANGUL["yeo"])]),
        np.concatenate([samples.writers, mirrored.writers]),
    )


def _fonts(kind: str, data: Path, split: str) -> Samples:
    """Digits and Latin letters of installed faces; one split, train, one writer a face."""
    return _cached(faces(kind), f"{kind}-fonts", lambda: glyphs(kind, LATIN))


DATASETS: dict[str, Callable[[Path, str], Samples]] = {
    "chars74k": partial(_from_pictures, "chars74k"),
    "paper-crops": partial(_from_pictures, "paper-crops"),
    "letter-cards": letter_cards,
    "mnist": mnist,
    "paper-symbols": partial(_from_pictures, "paper-symbols"),
    "unipen": unipen,
    "hangul": hangul,
    "handwriting-fonts": partial(_fonts, "handwriting"),
    "printed-fonts": partial(_fonts, "printed"),
}


def _in_split(writer: NDArray[np.int64], source: Pictures, split: str) -> NDArray[np.bool_]:
    kind, _, group = split.partition("-")
    if group:
        if kind not in ("without", "group") or not group.isdigit():
            raise DataError(
                f"unknown split {split!r}: there are train, validation, test, without-N and group-N"
            )
        return (writer == int(group)) == (kind == "group")
    return _part(writer, source.validation, source.test, split)


def _part(number: NDArray[np.int64], validation: int, test: int, split: str) -> NDArray[np.bool_]:
    """Below `validation` train, from `test` on test, between them validation."""
    masks = {
        "train": number < validation,
        "validation": (number >= validation) & (number < test),
        "test": number >= test,
    }
    if split not in masks:
        raise DataError(f"unknown split {split!r}: there are {', '.join(masks)}")
    return masks[split]


def _card_cells(image: Pixels) -> Iterable[tuple[str, Pixels]]:
    """The fifteen cells of a card ruled 5x3, a little inside their lines, with their letters."""
    height, width = image.shape[0] / 3, image.shape[1] / 5
    for index, label in enumerate("ABCDIKOLMREHXWT"):
        row, column = divmod(index, 5)
        top, left = int((row + 0.03) * height), int((column + 0.03) * width)
        yield label, image[top : int((row + 0.97) * height), left : int((column + 0.97) * width)]


def _cached_images(path: Path, source: str, row: Callable[[str], tuple[str, str] | None]) -> Samples:
    def rows() -> Iterable[Row]:
        for name, image in read_images(path):
            known = row(name)
            crop = ink.char_crop(image, "no") if known else None
            if known and crop is not None:
                yield crop.patch, *known

    return _cached([path], source, rows)


def _cached(files: Sequence[Path], source: str, rows: Callable[[], Iterable[Row]]) -> Samples:
    """Run `rows` once per content of the files and of the code that crops; later calls read the result."""
    digest = hashlib.sha256(inspect.getsource(ink).encode())
    for path in files:
        if not path.exists():
            raise DataError(f"{path} is missing: put the data set there, or name its folder with --data")
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            digest.update(file.name.encode() + file.read_bytes())
    key = digest.hexdigest()[:16]
    folder = Path(os.environ.get("HWR_EDGE_CACHE", "runs/cache"))
    cache = folder / f"{source}-{key}.npz"
    if not cache.exists():
        patches, labels, writers = zip(*rows(), strict=True)
        folder.mkdir(parents=True, exist_ok=True)
        part = cache.with_suffix(f".{os.getpid()}.npz")
        shapes = np.array([patch.shape for patch in patches], np.int32)
        pixels = np.concatenate([patch.ravel() for patch in patches])
        np.savez(part, pixels=pixels, shapes=shapes, labels=labels, writers=writers)
        part.replace(cache)
    with np.load(cache) as file:
        shapes, pixels = file["shapes"], file["pixels"]
        ends = np.cumsum(shapes.prod(axis=1))
        items = [flat.reshape(shape) for flat, shape in zip(np.split(pixels, ends[:-1]), shapes, strict=True)]
        return Samples(source, items, file["labels"], file["writers"])
