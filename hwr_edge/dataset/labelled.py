"""Labelled pictures from whatever users keep them in."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from numpy.typing import NDArray

from hwr_edge.dataset import arrays, tables
from hwr_edge.dataset.files import ARCHIVE_SUFFIXES, IMAGE_SUFFIXES, members
from hwr_edge.dataset.labels import Labels
from hwr_edge.errors import DataError

KINDS = (
    "a folder or a zip or tar archive of pictures (in folders named by label, or files named LABEL_x.png), "
    "a CSV or TSV of path,label, an npz of images and labels, or IDX files"
)

_CHARS74K = ("chars74k-EnglishHnd.zip", "chars74k/EnglishHnd.tgz", "EnglishHnd.tgz")
_UNSEEN = r"img\d+-0(4[6-9]|5[0-5])\."  # volunteers 46 to 55


class Labelled(NamedTuple):
    """One picture and what is on it.

    Attributes:
        name: where it comes from: a path inside the folder or archive, or `file[17]`.
        label: one of the labels asked for, or the data's own name for what is none of them.
        picture: bytes of an image file, or pixels (H, W) or (H, W, C); `hwr_edge.image.load` takes both.
    """

    name: str
    label: str
    picture: bytes | NDArray[Any]


def read_labelled(path: Path, labels: Labels, names: str | None = None) -> list[Labelled]:
    """Read labelled pictures of any kind, in the order of their names or of the file.

    Folders and archives are labelled by a `labels.csv` or `labels.tsv` in them, else by the folders that the
    pictures lie in, else, where all lie in one, by how their files are called; see `Labels` for the names
    that are understood. Of a folder with several IDX files the test part is read.

    Args:
        path: the data; "chars74k", where no file is called so, is that archive in the folder that the
            environment's HWR_EDGE_DATA names, of volunteers whom no bundled model was trained on.
        labels: the characters known.
        names: a regular expression; only pictures whose name holds a match are read.

    Raises:
        DataError: missing, of an unknown kind, damaged, empty, or `names` is no regular expression or
            matches nothing.
    """
    if not path.exists():
        path, names = _named(path, names)
    try:
        pattern = re.compile(names or "")
    except re.error as error:
        raise DataError(f"{names!r} is no regular expression ({error}): mend it") from None
    found = [Labelled(*row) for row in _rows(path, labels)]
    if not found:
        raise DataError(f"{path}: holds no pictures: give {KINDS}")
    kept = [one for one in found if pattern.search(one.name)]
    if not kept:
        raise DataError(f"{path}: no picture's name matches {names!r}; the first is called {found[0].name}")
    return kept


def _named(path: Path, names: str | None) -> tuple[Path, str | None]:
    """A data set's archive, and the names of its pictures that are read where none were asked for."""
    if str(path) != "chars74k":
        raise DataError(f"{path}: no such file or folder: check the path")
    folder = Path(os.environ.get("HWR_EDGE_DATA", "."))
    found = next((folder / name for name in _CHARS74K if (folder / name).exists()), None)
    if found is None:
        raise DataError(
            f"chars74k: no {_CHARS74K[0]} in {folder}: set HWR_EDGE_DATA to the folder that holds it"
        )
    return found, names or _UNSEEN


def _rows(path: Path, labels: Labels) -> Iterator[tuple[str, str, bytes | NDArray[Any]]]:
    name = path.name.lower()
    if path.is_dir():
        images = arrays.idx_images(path)
        yield from (
            arrays.read_idx_pair(_test_part(path, images), labels) if images else _pictures(path, labels)
        )
    elif name.endswith(".npz"):
        yield from arrays.read_npz(path, labels)
    elif name.endswith(tables.SUFFIXES):
        yield from _table_file(path, labels)
    elif arrays.is_idx(path):
        yield from arrays.read_idx_pair(path, labels)
    elif name.endswith(ARCHIVE_SUFFIXES):
        yield from _pictures(path, labels)
    else:
        raise DataError(f"{path}: no kind of labelled data that is known: give {KINDS}")


def _pictures(path: Path, labels: Labels) -> Iterator[tuple[str, str, bytes]]:
    """Pictures of a folder or archive, labelled by a table in it, by folder or by file name."""
    files = dict(members(path, IMAGE_SUFFIXES + tables.SUFFIXES))
    table = next((name for name in files if PurePosixPath(name).stem.lower() == "labels"), None)
    if table and table.lower().endswith(tables.SUFFIXES):
        pairs = tables.read_pairs(files[table], f"{path}: {table}")
        folder = PurePosixPath(table).parent
        rows = tables.open_rows(pairs, f"{path}: {table}", lambda name: files.get(str(folder / name)))
        for name, label, data in rows:
            yield name, labels.spelt(label), data
        return
    pictures = {name: data for name, data in files.items() if name.lower().endswith(IMAGE_SUFFIXES)}
    by_folder = len({PurePosixPath(name).parent for name in pictures}) > 1
    for name, data in pictures.items():
        place = PurePosixPath(name)
        yield name, labels.named(place.parent.name) if by_folder else labels.of_file(place.stem), data


def _table_file(path: Path, labels: Labels) -> Iterator[tuple[str, str, bytes]]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}): check its permissions") from None
    pairs = tables.read_pairs(data, str(path))
    for name, label, picture in tables.open_rows(pairs, str(path), lambda name: _bytes(path.parent / name)):
        yield name, labels.spelt(label), picture


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _test_part(folder: Path, images: list[Path]) -> Path:
    """Of several IDX files of pictures, the one kept for testing."""
    tests = [path for path in images if re.search("t10k|test", path.name)]
    chosen = images if len(images) == 1 else tests
    if len(chosen) != 1:
        raise DataError(f"{folder}: holds {', '.join(path.name for path in images)}: give one of these files")
    return chosen[0]
