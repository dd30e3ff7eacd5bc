"""What is no character must be refused, and good characters must not: part of `benchmarks.quality`.

Read at each model's own limit for doubt, by the float32 and by the int8 file. As `char` each picture is taken
for one character; as `auto` the reader decides itself whether it sees a character, a word or a page. Joined
writing is read as `word`. The last rows of a model are the price: characters it reads rightly and refuses.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from benchmarks.kept_out import CHARS74K, KEPT_OUT, MNIST, PAPER_CROPS, Labelled
from benchmarks.unreadable import KINDS, Shown
from hwr_edge import Recognizer
from hwr_edge.ink import Pixels
from hwr_edge.models import FOLDER
from train.datasets import pictures

Row = dict[str, Any]

FORMS = {"float32": ".onnx", "int8": ".int8.tflite"}
_STRANGE = {
    "latin62": ("blank", "noise", "doodles", "rules", "hangul", "joined", "words"),
    "digits": ("blank", "noise", "doodles", "rules", "hangul"),
    "hangul": ("blank", "noise", "doodles", "rules", "latin"),
}
_WORDS = ("joined", "words")
_LEAST, _MOST = 0.95, 0.03  # of what is no character, and of good characters
_MNIST = 2000  # of its test part are enough here

_GOOD: dict[str, dict[str, Callable[[Path], Labelled]]] = {
    "latin62": {name: KEPT_OUT[name] for name in (CHARS74K, PAPER_CROPS)},
    "digits": {MNIST: lambda data: islice(KEPT_OUT[MNIST](data), _MNIST)},
    "hangul": {"group 3 (trained on)": lambda data: pictures(data, "hangul", "group-3")},
}


def measure(data: Path, limit: int | None = None) -> list[Row]:
    """One row a model, kind of picture and layout: the share refused."""
    rows = []
    for model, kinds in _STRANGE.items():
        readers = readers_of(model)
        for kind in kinds:
            layouts = ("word",) if kind in _WORDS else ("char", "auto")
            rows += strange(model, kind, readers, layouts, islice(KINDS[kind](data), limit))
        for name, load in _GOOD[model].items():
            rows.append(good(model, name, readers, islice(load(data), limit)))
    return rows


def readers_of(model: str) -> dict[str, Recognizer]:
    """Both forms of a bundled model, by name."""
    return {name: Recognizer(FOLDER / f"{model}{suffix}", threads=1) for name, suffix in FORMS.items()}


def strange(
    model: str, kind: str, readers: dict[str, Recognizer], layouts: tuple[str, ...], shown: Iterable[Shown]
) -> list[Row]:
    """How much of what is no character each form refuses, a row a layout; a word read rightly also passes."""
    refused: dict[tuple[str, str], int] = {(layout, form): 0 for layout in layouts for form in readers}
    count = 0
    for image, text in shown:
        count += 1
        for layout, form in refused:
            found = readers[form].predict(image, layout)
            right = bool(text) and "".join(found.text.split()).lower() == text.lower()
            refused[layout, form] += right or found.rejected is not None
    return [
        {
            "model": model,
            "shown": kind,
            "layout": layout,
            "n": count,
            **{f"{form} refused": round(refused[layout, form] / count, 4) for form in readers},
            "wanted": f"at least {_LEAST}",
        }
        for layout in layouts
    ]


def good(model: str, name: str, readers: dict[str, Recognizer], shown: Iterable[tuple[Pixels, str]]) -> Row:
    """How many of the characters that it reads rightly each form refuses."""
    right, refused = dict.fromkeys(readers, 0), dict.fromkeys(readers, 0)
    count = 0
    for image, label in shown:
        count += 1
        for form, reader in readers.items():
            found = reader.predict(image, "char")
            right[form] += found.text == label
            refused[form] += found.text == label and found.rejected is not None
    shares = {f"{form} refused": round(refused[form] / max(right[form], 1), 4) for form in readers}
    return {
        "model": model,
        "shown": name,
        "layout": "char",
        "n": count,
        **shares,
        "wanted": f"at most {_MOST}",
    }
