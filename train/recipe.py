"""A recipe: one TOML file that says everything about a run."""

import dataclasses
import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from hwr_edge.errors import HwrError, RecipeError
from hwr_edge.spec import InputSpec
from train.augment import Augmentation


@dataclass(frozen=True)
class Source:
    """One data set, its share of what is drawn, and its split where that is not the role's own."""

    name: str
    weight: float = 1.0
    split: str = ""


@dataclass(frozen=True)
class Recipe:
    """Everything about a run; the comments of `recipes/*.toml` say why.

    Attributes:
        name: of the model.
        labels: one text per class, in order.
        input: what the model sees.
        sources: what is trained on.
        validation: data sets on which the temperature and the limit for doubt are fitted.
        test: data sets measured once, at the end.
        architecture: name and the keyword arguments of the function that builds it.
        augmentation: how far characters are varied.
        romanised: an ASCII name per label, or nothing.
        start: a `model.keras` whose weights are the first ones, from the recipe named in the comment.
        folds: what `crossval` leaves out in turn.
        fold_train, fold_test: the splits of a fold, "{fold}" standing for its name.
        epochs, samples: rounds, and characters drawn in each.
        batch: characters a step.
        negatives: share of each batch that is no character (joined, halved, dots); its target is doubt.
        learning_rate: highest one, after one epoch of warm-up; falls to 0 along a cosine.
        weight_decay: of AdamW.
        label_smoothing: share of the target given to all classes alike.
        precision: Keras dtype policy while training; the file that is saved is float32.
        temperature, reject_below: where no validation part exists, what `crossval` measured.
        seed: of everything random.
        licence: terms of the weights.
    """

    name: str
    labels: tuple[str, ...]
    input: InputSpec
    sources: tuple[Source, ...]
    validation: tuple[Source, ...] = ()
    test: tuple[Source, ...] = ()
    architecture: Mapping[str, Any] = field(default_factory=lambda: {"name": "edge"})
    augmentation: Augmentation = field(default_factory=Augmentation)
    romanised: tuple[str, ...] = ()
    start: str = ""
    folds: tuple[str, ...] = ()
    fold_train: str = "without-{fold}"
    fold_test: str = "group-{fold}"
    epochs: int = 30
    samples: int = 60_000
    batch: int = 256
    negatives: float = 0.0
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    precision: str = "float32"
    temperature: float = 1.0
    reject_below: float = 0.0
    seed: int = 1
    licence: str = ""

    @property
    def steps(self) -> int:
        """Batches an epoch."""
        return self.samples // self.batch


def read_recipe(path: Path) -> Recipe:
    """Read a TOML recipe.

    Raises:
        RecipeError: no such file, no TOML, an unknown key (with the nearest known one), or a bad value.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror})") from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: not valid TOML ({error})") from error
    try:
        return _build(Recipe, values, str(path))
    except HwrError as error:
        raise RecipeError(str(error)) from error


def _build(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    """A dataclass from a table, its nested tables and lists of tables built alike."""
    hints = get_type_hints(kind)
    for key in values:
        if key not in hints:
            near = difflib.get_close_matches(key, hints, 1)
            raise RecipeError(
                f"{where}: unknown key {key!r}" + (f", did you mean {near[0]!r}?" if near else "")
            )
    try:
        return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in values.items()})
    except TypeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(hint):
        return _build(hint, value, where)
    if hint == tuple[Source, ...]:
        return tuple(_build(Source, entry, where) for entry in value)
    if hint == tuple[str, ...]:
        return tuple(value)
    kinds = {int: (int,), str: (str,), float: (int, float)}.get(hint)
    if kinds and type(value) not in kinds:
        raise RecipeError(f"{where} must be {hint.__name__}, is {value!r}")
    return value
