"""Reading labelled pictures: IDX files, and archives or folders of images."""

import gzip
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hwr_edge.errors import DataError
from hwr_edge.ink import Pixels

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def read_idx(path: Path) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, gzip-packed or not (the format of MNIST and EMNIST).

    Returns:
        uint8 array of the shape that the header states, (N,) for labels, (N, H, W) for images.

    Raises:
        DataError: the file is missing, not IDX, or holds fewer bytes than its header promises.
    """
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({error}); fetch it again") from error
    if len(data) < 4 or data[:3] != b"\x00\x00\x08":
        raise DataError(f"{path}: not an IDX file of bytes")
    rank = data[3]
    start = 4 + 4 * rank
    shape = struct.unpack(f">{rank}I", data[4:start])
    if len(data) - start != int(np.prod(shape)):
        raise DataError(f"{path}: {len(data) - start} bytes where its header says {shape}; fetch it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)


def read_images(path: Path) -> Iterator[tuple[str, Pixels]]:
    """Yield (file name, BGR uint8 (H, W, 3)) for every image of a zip archive or folder, sorted by name.

    Raises:
        DataError: no such archive or folder, a damaged archive, or an image that does not decode.
    """
    for name, data in _members(path):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise DataError(f"{path}: {name} is not a readable image")
        yield Path(name).name, image  # type: ignore[misc]


def read_table(path: Path, name: str) -> list[list[str]]:
    """Rows of the tab-separated file `name` inside a zip archive or folder."""
    for member, data in _members(path, (Path(name).suffix,)):
        if Path(member).name == name:
            return [line.split("\t") for line in data.decode("utf-8").splitlines() if line]
    raise DataError(f"{path}: holds no {name}")


def _members(path: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> Iterator[tuple[str, bytes]]:
    if path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.suffix.lower() in suffixes:
                yield str(file.relative_to(path)), file.read_bytes()
        return
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(archive.namelist()):
                if name.lower().endswith(suffixes):
                    yield name, archive.read(name)
    except (OSError, zipfile.BadZipFile) as error:
        raise DataError(f"{path}: not a folder or a whole zip archive ({error})") from error
