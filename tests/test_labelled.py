"""Labelled pictures, whatever they are kept in, come out the same."""

import contextlib
import gzip
import struct
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwr_edge.dataset import Labels, read_labelled
from hwr_edge.errors import DataError
from hwr_edge.image import load

LATIN = Labels(tuple("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
HANGUL = Labels(("ㅏ", "ㅇ"), ("a", "ng"))


def png(shade: int) -> bytes:
    return cv2.imencode(".png", np.full((8, 6), shade, np.uint8))[1].tobytes()


def planted(root: Path, files: dict[str, bytes | str]) -> Path:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return root


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, f"top/{file.relative_to(folder)}")
    return path


def tarred(folder: Path) -> Path:
    path = folder.with_suffix(".tgz")
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "top")
    return path


def idx(array: np.ndarray) -> bytes:
    head = b"\x00\x00\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.tobytes())


def seen(path: Path, labels: Labels = LATIN, names: str | None = None) -> list[tuple[str, int]]:
    """Label and shade of every picture, read as the recogniser would."""
    return [(one.label, int(load(one.picture).max())) for one in read_labelled(path, labels, names)]


@pytest.mark.parametrize("packed", [lambda folder: folder, zipped, tarred])
@pytest.mark.parametrize(
    "files",
    [
        {"A/x.png": png(10), "a/x.png": png(20), "7/x.png": png(30)},
        {"A_1.png": png(10), "a-1.png": png(20), "7_old_3.png": png(30)},
        {"CAP_A_0.png": png(10), "SMALL_a_0.png": png(20), "DIGIT_7_0.png": png(30)},
        {"upper_A/x.png": png(10), "lower_A/x.png": png(20), "U+0037/x.png": png(30)},
        {"Sample011/img011-001.png": png(10), "Sample037/b.png": png(20), "Sample008/c.png": png(30)},
        {"img011-001.png": png(10), "img037-001.png": png(20), "img008-001.png": png(30)},
        {
            "1.png": png(10),
            "b/2.png": png(20),
            "3.png": png(30),
            "labels.csv": "1.png,A\nb/2.png,a\n3.png,7\n",
        },
        {
            "1.png": png(10),
            "2.png": png(20),
            "3.png": png(30),
            "labels.tsv": "label\tfile\nA\t1.png\na\t2.png\n7\t3.png",
        },
    ],
)
def test_folders_and_archives(
    tmp_path: Path, files: dict[str, bytes], packed: Callable[[Path], Path]
) -> None:
    folder = planted(tmp_path / "set", files | {"__MACOSX/._A_1.png": b"junk", "notes.txt": b"no"})
    assert set(seen(packed(folder))) == {("A", 10), ("a", 20), ("7", 30)}


def test_romanised_names_stand_for_labels(tmp_path: Path) -> None:
    folder = planted(tmp_path / "set", {"a_0_0.jpg": png(1), "ng_0_1.jpg": png(2)})
    assert {label for label, _ in seen(folder, HANGUL)} == {"ㅏ", "ㅇ"}


@pytest.mark.parametrize(
    "text",
    [
        "path,label\np/1.png,A\np/2.png,a\n",
        "\ufefflabel,path\nA,p/1.png\na,p/2.png\n",
        "p/1.png,A\np/2.png,a\n",
        "p/1.png;A\np/2.png;a\n",
        '"p/1.png","A"\n\n"p\\2.png","a"\n',
    ],
)
def test_a_table_of_paths(tmp_path: Path, text: str) -> None:
    planted(tmp_path, {"p/1.png": png(10), "p/2.png": png(20), "t.csv": text})
    assert seen(tmp_path / "t.csv") == [("A", 10), ("a", 20)]


@given(labels=st.lists(st.integers(0, 61), min_size=1, max_size=5), named=st.booleans())
def test_npz(tmp_path_factory: pytest.TempPathFactory, labels: list[int], named: bool) -> None:
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    images = np.arange(len(labels) * 64, dtype=np.uint8).reshape(-1, 8, 8)
    texts = [LATIN.texts[number] for number in labels]
    np.savez(path, images=images, labels=np.array(texts) if named else np.array(labels, np.uint8))
    found = read_labelled(path, LATIN)
    assert [one.label for one in found] == texts
    assert all((one.picture == image).all() for one, image in zip(found, images, strict=True))


def test_npz_may_name_its_classes(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x_test=np.zeros((2, 8, 8, 1)), y_test=np.eye(2), classes=["k", "Q"])
    assert [one.label for one in read_labelled(tmp_path / "a.npz", LATIN)] == ["k", "Q"]


def test_idx_folder_reads_the_test_part(tmp_path: Path) -> None:
    images = np.arange(3 * 64, dtype=np.uint8).reshape(3, 8, 8)
    for part, labels in (("train", [1, 2, 3]), ("t10k", [4, 5, 6])):
        planted(
            tmp_path,
            {
                f"{part}-images-idx3-ubyte.gz": idx(images),
                f"{part}-labels-idx1-ubyte.gz": idx(np.array(labels, np.uint8)),
            },
        )
    assert [label for label, _ in seen(tmp_path)] == ["4", "5", "6"]
    assert [label for label, _ in seen(tmp_path / "train-images-idx3-ubyte.gz")] == ["1", "2", "3"]


def test_emnist_is_turned_upright_and_its_mapping_read(tmp_path: Path) -> None:
    image = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)
    name = "emnist-letters-test-{}-ubyte.gz"
    planted(
        tmp_path,
        {
            name.format("images-idx3"): idx(image.swapaxes(1, 2)),
            name.format("labels-idx1"): idx(np.array([2], np.uint8)),
            "emnist-letters-mapping.txt": "1 65 97\n2 66 98\n",
        },
    )
    [one] = read_labelled(tmp_path, LATIN)
    assert one.label == "B"
    assert (one.picture == image[0]).all()
    (tmp_path / "emnist-letters-mapping.txt").unlink()
    with pytest.raises(DataError, match=r"emnist-letters-mapping\.txt"):
        read_labelled(tmp_path, LATIN)


def test_names_choose_a_part(tmp_path: Path) -> None:
    folder = planted(tmp_path / "set", {"A/img-1.png": png(1), "A/img-2.png": png(2), "b/img-2.png": png(3)})
    assert seen(folder, names=r"-2\.") == [("A", 2), ("b", 3)]


@pytest.mark.parametrize(
    ("files", "target", "said"),
    [
        ({}, "missing", "no such file"),
        ({"set/notes.txt": "x"}, "set", "holds no pictures"),
        ({"a.zip": b"PK\x03\x04 and no more"}, "a.zip", "whole zip"),
        ({"a.tgz": b"\x1f\x8b and no more"}, "a.tgz", "whole zip or tar"),
        ({"a.npz": b"PK\x03\x04 and no more"}, "a.npz", "npz"),
        ({"a.npz": b""}, "a.npz", "npz"),
        ({"a.csv": "path,label\ngone.png,A\n"}, "a.csv", "no gone.png"),
        ({"a.csv": "only\n"}, "a.csv", "row 1 lacks"),
        ({"a.csv": b"\xff\xfe\x00"}, "a.csv", "UTF-8"),
        ({"a.csv": ""}, "a.csv", "no rows"),
        ({"a.txt": "x"}, "a.txt", "no kind of labelled data"),
        ({"x-images-idx3-ubyte": b"x"}, "x-images-idx3-ubyte", "no x-labels-idx1-ubyte"),
        (
            {"x-images-idx3-ubyte": b"\0\0\x08\x03", "x-labels-idx1-ubyte": b""},
            "x-images-idx3-ubyte",
            "not an IDX",
        ),
    ],
)
def test_bad_data_are_named(tmp_path: Path, files: dict[str, bytes], target: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        read_labelled(planted(tmp_path, files) / target, LATIN)
    assert target in str(caught.value)


def test_bad_npz_contents_are_named(tmp_path: Path) -> None:
    for arrays, said in (
        ({"pictures": np.zeros((1, 8, 8))}, "holds pictures"),
        ({"images": np.zeros((2, 8, 8)), "labels": np.zeros(1)}, "do not match"),
        ({"images": np.zeros((1, 8, 8)), "labels": np.array([62])}, "class 62"),
        ({"images": np.array([{}]), "labels": np.zeros(1)}, "npz"),
    ):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(DataError, match=said):
            read_labelled(tmp_path / "a.npz", LATIN)


def test_an_array_that_is_no_npz_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros(3))
    with pytest.raises(DataError, match="npz"):
        read_labelled((tmp_path / "a.npy").rename(tmp_path / "a.npz"), LATIN)


@given(
    pack=st.sampled_from([zipped, tarred]),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(1, 255)), max_size=3),
    keep=st.floats(0, 1),
)
def test_a_spoilt_archive_is_an_error_or_is_read(
    tmp_path_factory: pytest.TempPathFactory,
    pack: Callable[[Path], Path],
    flips: list[tuple[float, int]],
    keep: float,
) -> None:
    folder = planted(
        tmp_path_factory.mktemp("spoilt") / "set", {"A_1.png": png(1), "labels.csv": "A_1.png,A"}
    )
    path = pack(folder)
    raw = bytearray(path.read_bytes())
    for place, change in flips:
        raw[int(place * (len(raw) - 1))] ^= change
    path.write_bytes(raw[: int(keep * len(raw))])
    with contextlib.suppress(DataError):
        read_labelled(path, LATIN)


def test_names_that_match_nothing_or_are_no_pattern_are_errors(tmp_path: Path) -> None:
    folder = planted(tmp_path / "set", {"A_1.png": png(1)})
    with pytest.raises(DataError, match="no picture's name"):
        read_labelled(folder, LATIN, "zzz")
    with pytest.raises(DataError, match="regular expression"):
        read_labelled(folder, LATIN, "(")


@pytest.mark.parametrize(
    ("archive", "count", "classes", "labels"),
    [
        ("paper-crops-62.zip", 4254, 62, LATIN),
        ("chars74k-EnglishHnd.zip", 3410, 62, LATIN),
        ("hangul-characters.zip", 2400, 1, Labels(("ㅖ",), ("ye",))),
        ("mnist", 10_000, 10, LATIN),
    ],
)
def test_the_real_sets(data_dir: Path, archive: str, count: int, classes: int, labels: Labels) -> None:
    found = read_labelled(data_dir / archive, labels)
    known = Counter(one.label for one in found if one.label in labels.texts)
    assert (len(found), len(known)) == (count, classes)


def test_chars74k_is_known_by_name_and_read_where_nothing_was_trained_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HWR_EDGE_DATA", str(tmp_path))
    with pytest.raises(DataError, match="set HWR_EDGE_DATA to the folder that holds it"):
        read_labelled(Path("chars74k"), LATIN)
    folder = planted(
        tmp_path / "chars74k-EnglishHnd",
        {f"English/Hnd/Img/Sample011/img011-0{writer}.png": png(writer) for writer in (45, 46, 55)},
    )
    zipped(folder)
    assert seen(Path("chars74k")) == [("A", 46), ("A", 55)]
    assert seen(Path("chars74k"), names="-045") == [("A", 45)]
