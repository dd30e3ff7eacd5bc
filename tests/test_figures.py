"""The bundled int8 files keep the accuracy that the README states, on untouched pictures."""

from itertools import islice
from pathlib import Path

import pytest

from benchmarks.figures import SIZE_LIMIT, answers, sizes
from benchmarks.kept_out import mnist_test
from hwr_edge import Recognizer
from train.datasets import pictures


def share(rows: list[tuple[str, str, float]], fold: bool = False) -> float:
    pairs = [(truth.lower(), answer.lower()) if fold else (truth, answer) for truth, answer, _ in rows]
    return sum(truth == answer for truth, answer in pairs) / len(pairs)


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("runtime", ["litert", "onnxruntime"])
@pytest.mark.parametrize(
    ("name", "exact", "ignoring_case"), [("chars74k", 0.86, 0.925), ("paper-crops", 0.84, 0.93)]
)
def test_latin62_on_writers_it_never_saw(
    data_dir: Path, runtime: str, name: str, exact: float, ignoring_case: float
) -> None:
    rows = answers(Recognizer("latin62", runtime), pictures(data_dir, name, "test"))
    assert share(rows) >= exact
    assert share(rows, fold=True) >= ignoring_case


@pytest.mark.usefixtures("bundled")
def test_digits_on_mnist(data_dir: Path) -> None:
    assert share(answers(Recognizer("digits"), islice(mnist_test(data_dir), 2000))) >= 0.99


@pytest.mark.usefixtures("bundled")
def test_hangul_reads_its_letters(data_dir: Path) -> None:
    assert share(answers(Recognizer("hangul"), islice(pictures(data_dir, "hangul", "group-3"), 300))) >= 0.98


@pytest.mark.usefixtures("bundled")
def test_int8_files_are_small() -> None:
    assert all(row["value"] <= SIZE_LIMIT for row in sizes())
