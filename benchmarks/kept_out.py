"""Pictures that no bundled model was trained or selected on, under the names that the tables give them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from hwr_edge.dataset import read_idx
from hwr_edge.ink import Pixels
from train.datasets import pictures
from train.samples import DIGITS

Labelled = Iterable[tuple[Pixels, str]]

CHARS74K, PAPER_CROPS, MNIST = "Chars74K 046-055", "paper crops 60-74", "MNIST test"


def mnist_test(data: Path) -> Iterator[tuple[Pixels, str]]:
    """MNIST's test part: uint8 (28, 28), light on dark."""
    images = read_idx(data / "mnist" / "t10k-images-idx3-ubyte.gz")
    labels = read_idx(data / "mnist" / "t10k-labels-idx1-ubyte.gz")
    for image, label in zip(images, labels, strict=True):
        yield image, DIGITS[label]


KEPT_OUT: dict[str, Callable[[Path], Labelled]] = {
    CHARS74K: lambda data: pictures(data, "chars74k", "test"),
    PAPER_CROPS: lambda data: pictures(data, "paper-crops", "test"),
    MNIST: mnist_test,
}
"""Name -> folder of the data sets -> pictures and labels."""
