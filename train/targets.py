"""What `data check`, `stats` and `preview` look at: the splits of a recipe, a data set or a folder."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from hwr_edge.cli.output import Progress
from hwr_edge.errors import DataError
from hwr_edge.header import SUFFIXES
from hwr_edge.ink import Pixels, char_crop
from train.augment import PEN, draw, tight
from train.datasets import DATASETS, PICTURES
from train.parts import load_parts
from train.recipe import read_recipe
from train.samples import Samples, Strokes

SPLITS = ("train", "validation", "test")
_SPLIT_FOLDERS = {"train": "train", "training": "train", "val": "validation", "valid": "validation"}
_SPLIT_FOLDERS |= {"validation": "validation", "test": "test", "testing": "test"}


@dataclass(frozen=True)
class Picture:
    """A picture file as it lies there; `pixels` is None where it cannot be read."""

    name: str
    pixels: Pixels | None


@dataclass(frozen=True)
class Target:
    """What is looked at.

    Attributes:
        parts: split -> samples, ready as ink patches or strokes.
        labels: what the classes should be, where a recipe says so; else those that occur.
        raw: archives or folders of pictures behind it.
    """

    parts: dict[str, Samples]
    labels: tuple[str, ...]
    raw: tuple[Path, ...]


def read_target(text: str, data: Path) -> Target:
    """A recipe (.toml), a data set by name, or a folder or archive with a folder a class.

    Raises:
        DataError: nothing of the kind is there.
        RecipeError: the recipe is wrong.
    """
    if text.endswith(".toml"):
        return _from_recipe(Path(text), data)
    if text in DATASETS:
        found = {split: DATASETS[text](data, split) for split in SPLITS}
        parts = {split: samples for split, samples in found.items() if len(samples)}
        return Target(parts, _labels(parts), _raw(text, data))
    if Path(text).exists():
        parts = _from_pictures(Path(text))
        return Target(parts, _labels(parts), (Path(text),))
    raise DataError(
        f"{text} is no recipe, data set, folder or archive; the data sets are {', '.join(DATASETS)}"
    )


def pictures(path: Path, *, quiet: bool = True) -> Iterator[Picture]:
    """Every picture of a folder, zip or tar archive, by name, the unreadable ones too.

    Raises:
        DataError: no folder, no archive, or half of one.
    """
    if path.is_dir():
        names = sorted(str(file.relative_to(path)) for file in path.rglob("*") if _is_picture(file.name))
        yield from _each(names, lambda name: (path / name).read_bytes(), quiet)
        return
    if path.suffix in (".tgz", ".gz", ".tar"):
        yield from _from_tar(path)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = sorted(name for name in archive.namelist() if _is_picture(name))
            yield from _each(names, archive.read, quiet)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a folder or a whole zip archive ({error}): fetch it again") from error


def patches(samples: Samples) -> list[Pixels]:
    """The samples as ink patches cut tight; strokes are drawn with one pen."""
    return [tight(draw(item, PEN) if isinstance(item, tuple) else item) for item in samples.items]


def _from_tar(path: Path) -> Iterator[Picture]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:  # in the order it is packed: a step back would unpack it all again
                if _is_picture(member.name) and (file := archive.extractfile(member)):
                    contents = {member.name: file.read()}
                    yield Picture(member.name, _decoded(contents.__getitem__, member.name))
    except (OSError, EOFError, tarfile.TarError) as error:
        raise DataError(f"{path}: not a whole archive ({error}): fetch it again") from error


def _is_picture(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _each(names: list[str], read: Callable[[str], bytes], quiet: bool) -> Iterator[Picture]:
    progress = Progress(len(names), not quiet)
    for name in names:
        progress.step(name)
        yield Picture(name, _decoded(read, name))
    progress.clear()


def _decoded(read: Callable[[str], bytes], name: str) -> Pixels | None:
    try:
        data = np.frombuffer(read(name), np.uint8)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError):
        return None
    return cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None  # type: ignore[return-value]


def _from_recipe(path: Path, data: Path) -> Target:
    recipe = read_recipe(path)
    found = load_parts(recipe, data)
    parts = {
        f"{role} {samples.source}": samples
        for role in SPLITS
        for samples in getattr(found, role)
        if len(samples)
    }
    names = sorted({source.name for source in (*recipe.sources, *recipe.validation, *recipe.test)})
    return Target(parts, recipe.labels, tuple(path for name in names for path in _raw(name, data)))


def _raw(name: str, data: Path) -> tuple[Path, ...]:
    """The archive or folder of a data set of pictures that is there."""
    if name not in PICTURES:
        return ()
    places = (data / place for place in (PICTURES[name].archive, *PICTURES[name].others))
    return tuple(place for place in places if place.exists())[:1]


def _labels(parts: dict[str, Samples]) -> tuple[str, ...]:
    return tuple(sorted({str(label) for samples in parts.values() for label in samples.labels}))


def _from_pictures(path: Path) -> dict[str, Samples]:
    """Pictures by class folder, below train/, validation/ and test/ where those are there."""
    rows: dict[str, list[tuple[Pixels, str, str]]] = {}
    for picture in pictures(path):
        folders = Path(picture.name).parts[:-1]
        crop = char_crop(picture.pixels) if picture.pixels is not None else None
        if crop is None or not folders:
            continue
        split = next(
            (_SPLIT_FOLDERS[name.lower()] for name in folders if name.lower() in _SPLIT_FOLDERS), "all"
        )
        rows.setdefault(split, []).append((crop.patch, folders[-1], picture.name))
    if not rows:
        raise DataError(f"{path} holds no pictures in class folders: give CLASS/PICTURE.png or a data set")
    return {split: _samples(path.name, found) for split, found in rows.items()}


def _samples(source: str, rows: list[tuple[Pixels, str, str]]) -> Samples:
    items: list[Pixels | Strokes] = [row[0] for row in rows]
    labels, names = (np.array([row[column] for row in rows]) for column in (1, 2))
    return Samples(source, items, labels, names, names)  # whose hand it is nobody says
