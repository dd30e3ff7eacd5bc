"""A recipe: one TOML file that says everything about a run."""

import dataclasses
import difflib
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_type_hints

from hwr_edge.errors import HwrError, RecipeError
from hwr_edge.spec import InputSpec
from train.augment import Augmentation
from train.correction import Correction
from train.placement import Placement
from train.split import Split


@dataclass(frozen=True)
class Source:
    """One data set, its share of what is drawn, and its split where that is not the role's own.

    Attributes:
        name: of a known data set; of your own pictures whatever you call them.
        weight: share of what is drawn.
        split: the part to take.
        path: your own pictures, from the folder of the data sets on: a folder by class, archive, CSV or npz.
    """

    name: str
    weight: float = 1.0
    split: str = ""
    path: str = ""


@dataclass(frozen=True)
class Recipe:
    """Everything about a run; the comments of `recipes/*.toml` say why.

    Attributes:
        name: of the model.
        labels: one text per class, in order.
        input: what the model sees.
        view: "crop", the character cut to its ink as at inference; "picture", all of it as in the papers.
        sources: what is trained on.
        validation: data sets on which the temperature and the limit for doubt are fitted.
        test: data sets measured once, at the end.
        split: instead of the data sets' own parts and the two lists above: how the sources are parted.
        architecture: name and the keyword arguments of the function that builds it.
        weights: of an architecture's base: "none", "imagenet", or a file: Keras' HDF5, or a `.keras` of ours.
        frozen: whether the base keeps those weights.
        augmentation: how far characters are varied; `false` for not at all.
        placement: how far the finished pictures are turned and moved.
        romanised: an ASCII name per label, or nothing.
        start: a `model.keras` whose weights are the first ones, from the recipe named in the comment;
            where its classes are others, all but those of the last layer.
        folds: what `crossval` leaves out in turn.
        fold_train, fold_test: the splits of a fold, "{fold}" standing for its name.
        epochs: rounds.
        samples: characters drawn in each, by weight; 0 takes every one once, in a new order.
        batch: characters a step.
        negatives: share of each batch that is no character (joined, halved, dots); its target is doubt.
        strangers: data sets of what is none of the labels (`train.strangers`, letters of another script).
        strange: share of each batch that is drawn from them; its target is doubt as well.
        teachers: model files of the same labels and input, whose mean answer is learnt beside the labels.
        taught: their share of the target.
        optimiser: "adamw" or "adam".
        schedule: "cosine", one epoch of warm-up, then down to 0; or "constant".
        learning_rate: the highest one.
        weight_decay: of AdamW.
        label_smoothing: share of the target given to all classes alike.
        stop_patience: epochs without a lower validation loss after which training ends; 0 for never.
        plateau_patience: the same, after which the learning rate is multiplied by `plateau_factor`.
        plateau_factor: see there.
        keep: "last" or "best", the epoch with the lowest validation loss.
        precision: Keras dtype policy while training; the file that is saved is float32.
        device: "auto", "cpu" or "gpu"; a GPU asked for and absent is an error.
        devices: how many of them share each batch.
        correction: of the answers, in the file that is written (`train.correction`).
        temperature, reject_below: where no validation part exists, what `crossval` measured.
        seed: of everything random but the split.
        licence: terms of the weights.
    """

    name: str
    labels: tuple[str, ...]
    input: InputSpec
    sources: tuple[Source, ...]
    view: str = "crop"
    validation: tuple[Source, ...] = ()
    test: tuple[Source, ...] = ()
    split: Split | None = None
    architecture: Mapping[str, Any] = field(default_factory=lambda: {"name": "edge"})
    weights: str = "none"
    frozen: bool = False
    augmentation: Augmentation | None = field(default_factory=Augmentation)
    placement: Placement = field(default_factory=Placement)
    romanised: tuple[str, ...] = ()
    start: str = ""
    folds: tuple[str, ...] = ()
    fold_train: str = "without-{fold}"
    fold_test: str = "group-{fold}"
    epochs: int = 30
    samples: int = 60_000
    batch: int = 256
    negatives: float = 0.0
    strangers: tuple[Source, ...] = ()
    strange: float = 0.0
    teachers: tuple[str, ...] = ()
    taught: float = 0.0
    optimiser: str = "adamw"
    schedule: str = "cosine"
    learning_rate: float = 4e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.05
    stop_patience: int = 0
    plateau_patience: int = 0
    plateau_factor: float = 0.1
    keep: str = "last"
    precision: str = "float32"
    device: str = "auto"
    devices: int = 1
    correction: Correction = field(default_factory=Correction)
    temperature: float = 1.0
    reject_below: float = 0.0
    seed: int = 1
    licence: str = ""

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if (value := getattr(self, name)) not in allowed:
                raise RecipeError(f"{name} is {value!r}; there are {', '.join(allowed)}")
        for name in ("epochs", "batch", "devices", "learning_rate"):
            if getattr(self, name) <= 0:
                raise RecipeError(f"{name} must be above 0, is {getattr(self, name)}")
        if not self.labels or not self.sources:
            raise RecipeError("labels and sources must name something")
        if self.split and (self.validation or self.test):
            raise RecipeError("split parts the sources themselves: leave validation and test out, or split")
        if self.view == "picture" and self.augmentation:
            raise RecipeError("augmentation works on cut characters: with whole pictures, set it to false")
        if (self.negatives or self.strange) and not self.augmentation:
            raise RecipeError("negatives and strangers are made by the augmentation: without it they are 0")
        for names, share in (("strangers", "strange"), ("teachers", "taught")):
            self._check_share(names, share)
        if self.frozen and self.weights == "none":
            raise RecipeError('a frozen base needs weights; with weights = "none" set frozen = false')
        if self.schedule == "cosine" and self.plateau_patience:
            raise RecipeError('plateau_patience needs schedule = "constant": a cosine falls by itself')

    def _check_share(self, names: str, share: str) -> None:
        if bool(getattr(self, names)) != (0 < getattr(self, share) <= 1):
            raise RecipeError(
                f"{names} say whose and {share}, above 0 and up to 1, how much: give both, or neither"
            )

    @property
    def watched(self) -> bool:
        """Whether something depends on the loss of a validation part."""
        return bool(self.stop_patience or self.plateau_patience or self.keep == "best")


_CHOICES = {
    "view": ("crop", "picture"),
    "optimiser": ("adamw", "adam"),
    "schedule": ("cosine", "constant"),
    "keep": ("last", "best"),
    "precision": ("float32", "mixed_bfloat16"),
    "device": ("auto", "cpu", "gpu"),
}


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a TOML recipe.

    Args:
        path: of the file.
        overrides: lines of TOML that count instead of the file's, such as "input.height = 96".

    Raises:
        RecipeError: no such file, no TOML, an unknown key (with the nearest known one), or a bad value.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise RecipeError(f"{path}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: not valid TOML ({error})") from error
    for line in overrides:
        try:
            _merge(values, tomllib.loads(line))
        except tomllib.TOMLDecodeError as error:
            raise RecipeError(
                f'{line!r} is no TOML such as epochs = 3 or weights = "none" ({error})'
            ) from error
    try:
        return _build(Recipe, values, str(path))
    except HwrError as error:
        raise RecipeError(str(error) if str(path) in str(error) else f"{path}: {error}") from error


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """What to say of a name that is not there: the nearest known one, or all."""
    known = list(known)
    near = difflib.get_close_matches(name, known, 1)
    return f"unknown {kind} {name!r}" + (
        f", did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
    )


def _merge(values: dict[str, Any], others: Mapping[str, Any]) -> None:
    for key, value in others.items():
        if isinstance(value, dict) and isinstance(values.get(key), dict):
            _merge(values[key], value)
        else:
            values[key] = value


def _build(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    """A dataclass from a table, its nested tables and lists of tables built alike."""
    hints = get_type_hints(kind)
    for key in values:
        if key not in hints:
            raise RecipeError(f"{where}: {unknown('key', key, hints)}")
    try:
        return kind(**{key: _value(hints[key], value, f"{where}: {key}") for key, value in values.items()})
    except TypeError as error:
        raise RecipeError(f"{where}: {error}") from error


def _value(hint: Any, value: Any, where: str) -> Any:
    kind, *optional = get_args(hint) or (hint,)
    if type(None) in optional:
        if value is False:
            return None
        hint = kind
    if dataclasses.is_dataclass(hint):
        if not isinstance(value, Mapping):
            raise RecipeError(f"{where} must be a table, is {value!r}")
        return _build(hint, value, where)
    if hint == tuple[Source, ...]:
        return tuple(_build(Source, entry, where) for entry in value)
    if hint == tuple[str, ...]:
        return tuple(value)
    kinds = {int: (int,), str: (str,), float: (int, float), bool: (bool,)}.get(hint)
    if kinds and type(value) not in kinds:
        raise RecipeError(f"{where} must be {hint.__name__}, is {value!r}")
    return value
