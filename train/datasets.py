"""The data sets by name: each a function (folder, split, view) -> Samples.

Splits are "train", "validation", "test" and "all", by writer where writers are known; a test part is never
trained or selected on. Pictures are cut to their ink by `hwr_edge.ink.char_crop`, as at inference, unless
the view wants them whole; the result is cached by content.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hwr_edge import ink
from hwr_edge.dataset import read_idx, read_images
from hwr_edge.errors import DataError
from hwr_edge.ink import Pixels
from train.cache import Row, cached
from train.cheques import cheque_digits
from train.emnist import SPLITS as EMNIST
from train.emnist import emnist
from train.fonts import faces, glyphs
from train.samples import CROP, DIGITS, LATIN, Samples, View, in_part
from train.strangers import STRANGERS
from train.unipen import unipen

# fmt: off
HANGUL = {
    "g": "ㄱ", "n": "ㄴ", "d": "ㄷ", "r": "ㄹ", "m": "ㅁ", "b": "ㅂ", "s": "ㅅ", "ng": "ㅇ", "j": "ㅈ",
    "ch": "ㅊ", "k": "ㅋ", "t": "ㅌ", "p": "ㅍ", "h": "ㅎ", "gg": "ㄲ", "bb": "ㅃ", "ss": "ㅆ",
    "a": "ㅏ", "ae": "ㅐ", "ya": "ㅑ", "yae": "ㅒ", "eo": "ㅓ", "e": "ㅔ", "yeo": "ㅕ", "ye": "ㅖ",
    "o": "ㅗ", "yo": "ㅛ", "u": "ㅜ", "yu": "ㅠ", "eu": "ㅡ", "i": "ㅣ",
}
# fmt: on
"""Romanised name -> jamo; ㅕ has no images of its own and is made by mirroring ㅑ."""


@dataclass(frozen=True)
class Pictures:
    """An archive with one character a picture.

    Attributes:
        archive: its file name.
        row: file name -> label and writer, or None for a picture that does not count.
        validation, test: the writer numbers at which those parts begin; below is train.
        others: where else it may lie: as the official archive, or unpacked.
    """

    archive: str
    row: Callable[[str], tuple[str, str] | None]
    validation: int
    test: int
    others: tuple[str, ...] = ()


def _chars74k_row(name: str) -> tuple[str, str] | None:
    found = re.fullmatch(r"img(\d+)-(\d+)\.png", name)
    return (LATIN[int(found[1]) - 1], found[2]) if found else None


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
    "chars74k": Pictures(
        "chars74k-EnglishHnd.zip",
        _chars74k_row,
        41,
        46,
        ("chars74k/EnglishHnd.tgz", "EnglishHnd.tgz", "chars74k", "English"),
    ),
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


def _from_pictures(name: str, data: Path, split: str, view: View = CROP) -> Samples:
    source = PICTURES[name]
    path = next((data / other for other in (source.archive, *source.others) if (data / other).exists()), None)
    path = path or data / source.archive

    def rows() -> Iterable[Row]:
        for file, image in read_images(path):
            known = source.row(file)
            patch = view.of(image, "no") if known else None
            if known and patch is not None:
                yield patch, *known, file

    samples = cached([path], name, rows, view)
    return samples.take(_in_split(samples.writers.astype(int), source, split))


def letter_cards(data: Path, split: str, view: View = CROP) -> Samples:
    """Letters cut from ruled cards, a writer a card; number % 5 in 0-1 train, 2 validation, 3-4 test."""
    path = data / "letter-cards.zip"

    def rows() -> Iterable[Row]:
        for name, image in read_images(path):
            frame = re.findall(r"\d+", name)[0]
            for label, cell in _card_cells(image):
                crop = ink.char_crop(cell, "no")
                patch = view.of(cell, "no") if crop is not None and max(crop.patch.shape) > 20 else None
                if patch is not None:
                    yield patch, label, frame, f"{name}/{label}"

    samples = cached([path], "letter-cards", rows, view)
    return samples.take(in_part(samples.writers.astype(int) % 5, 2, 3, split))


def mnist(data: Path, split: str, view: View = CROP) -> Samples:
    """MNIST: the last 5,000 training images are validation; the official test part is test."""
    if split == "all":
        return joined([mnist(data, kind, view) for kind in ("train", "validation", "test")])
    kind = "t10k" if split == "test" else "train"
    images_path, labels_path = (
        data / "mnist" / f"{kind}-{what}-ubyte.gz" for what in ("images-idx3", "labels-idx1")
    )

    def rows() -> Iterable[Row]:
        labels = read_idx(labels_path)
        for index, (image, label) in enumerate(zip(read_idx(images_path), labels, strict=True)):
            patch = view.of(image, "yes")
            if patch is not None:
                yield patch, DIGITS[label], str(index), f"{kind}-{index}"

    samples = replace(cached([images_path, labels_path], f"mnist-{kind}", rows, view), source="mnist")
    if split == "test":
        return samples
    return samples.take(in_part(samples.writers.astype(int), 55_000, 60_000, split))


def hangul(data: Path, split: str, view: View = CROP) -> Samples:
    """Hangul letters, 30 classes x 4 groups (writers) x 20, and ㅕ mirrored from ㅑ.

    Recipes choose among them by their labels: 24 as in the paper, the 30 of the archive, or all 31. Split
    "train" is everything; "without-G" and "group-G" (G in 0-3) leave one group out.
    """
    samples = _from_pictures("hangul", data, split, view)
    ya = samples.take(samples.labels == HANGUL["ya"])
    mirrored = Samples(
        "hangul",
        [np.ascontiguousarray(patch[:, ::-1]) for patch in ya.items],  # type: ignore[index, call-overload]
        np.full(len(ya), HANGUL["yeo"]),
        ya.writers,
        np.char.add("mirrored-", ya.ids),
    )
    return joined([samples, mirrored])


def joined(parts: Sequence[Samples]) -> Samples:
    """Samples of one source, one part after the other."""
    return Samples(
        parts[0].source,
        [item for one in parts for item in one.items],
        *(np.concatenate([getattr(one, name) for one in parts]) for name in ("labels", "writers", "ids")),
    )


def _fonts(kind: str, characters: str, data: Path, split: str, view: View = CROP) -> Samples:
    """Characters of installed faces; one split, train, one writer a face."""

    def rows() -> Iterable[Row]:
        for patch, label, face in glyphs(kind, characters):
            yield patch, label, face, f"{face}/{label}"

    return cached(faces(kind), f"{kind}-fonts", rows)


DATASETS: dict[str, Callable[..., Samples]] = {
    "chars74k": partial(_from_pictures, "chars74k"),
    "paper-crops": partial(_from_pictures, "paper-crops"),
    "letter-cards": letter_cards,
    "cheque-digits": cheque_digits,
    "mnist": mnist,
    **{f"emnist-{kind}": partial(emnist, kind) for kind in EMNIST},
    "paper-symbols": partial(_from_pictures, "paper-symbols"),
    "unipen": unipen,
    "hangul": hangul,
    "handwriting-fonts": partial(_fonts, "handwriting", LATIN),
    "web-fonts": partial(_fonts, "web", LATIN),
    "printed-fonts": partial(_fonts, "printed", LATIN),
    "hangul-fonts": partial(_fonts, "hangul", "".join(HANGUL.values())),
    **STRANGERS,
}


def _in_split(writer: NDArray[np.int64], source: Pictures, split: str) -> NDArray[np.bool_]:
    kind, _, group = split.partition("-")
    if group:
        if kind not in ("without", "group") or not group.isdigit():
            raise DataError(
                f"unknown split {split!r}: there are train, validation, test, without-N and group-N"
            )
        return (writer == int(group)) == (kind == "group")
    return in_part(writer, source.validation, source.test, split)


def _card_cells(image: Pixels) -> Iterable[tuple[str, Pixels]]:
    """The fifteen cells of a card ruled 5x3, a little inside their lines, with their letters."""
    height, width = image.shape[0] / 3, image.shape[1] / 5
    for index, label in enumerate("ABCDIKOLMREHXWT"):
        row, column = divmod(index, 5)
        top, left = int((row + 0.03) * height), int((column + 0.03) * width)
        yield label, image[top : int((row + 0.97) * height), left : int((column + 0.97) * width)]
