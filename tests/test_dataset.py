"""IDX files, archives and folders."""

import gzip
import struct
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwr_edge.dataset import read_idx, read_images, read_table
from hwr_edge.errors import DataError


def idx_bytes(array: np.ndarray) -> bytes:
    return (
        b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    )


@given(st.lists(st.integers(1, 4), min_size=1, max_size=3), st.booleans())
def test_idx_comes_back_as_written(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], packed: bool
) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    path = tmp_path_factory.mktemp("idx") / "a"
    path.write_bytes(gzip.compress(idx_bytes(array)) if packed else idx_bytes(array))
    assert (read_idx(path) == array).all()


@pytest.mark.parametrize(
    "spoil", [lambda b: b"", lambda b: b[:-1], lambda b: b"\x01" + b[1:], lambda b: gzip.compress(b)[:-9]]
)
def test_damaged_idx_is_an_error(tmp_path: Path, spoil) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a"
    path.write_bytes(spoil(idx_bytes(np.zeros((3, 2), np.uint8))))
    with pytest.raises(DataError, match="a"):
        read_idx(path)


def test_archive_and_folder_give_the_same_images(tmp_path: Path) -> None:
    image = np.full((4, 5, 3), 7, np.uint8)
    folder = tmp_path / "set"
    folder.mkdir()
    cv2.imwrite(str(folder / "b.png"), image)
    (folder / "labels.tsv").write_text("b.png\t7\n")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"set/{file.name}")
    for source in (folder, tmp_path / "set.zip"):
        [(name, pixels)] = read_images(source)
        assert name == "b.png" and (pixels == image).all()
        assert read_table(source, "labels.tsv") == [["b.png", "7"]]


def test_half_an_archive_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "half.zip"
    path.write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(DataError, match="whole zip"):
        list(read_images(path))
