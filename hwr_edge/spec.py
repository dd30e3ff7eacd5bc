"""What a model is and what it wants to see, as data that travels inside the model file."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hwr_edge.errors import ModelFileError

SCHEMA = 1


@dataclass(frozen=True)
class InputSpec:
    """The pixels a model wants: uint8 0-255, shape (N, height, width, channels).

    Attributes:
        height: rows of the input.
        width: columns of the input.
        channels: 1 for ink, 3 where a pretrained base wants three equal planes.
        ink: "light" where the model was trained on light ink over 0, "dark" the other way round.
        fit: "contain" keeps the proportions of the character, "stretch" fills both sides.
        margin: empty pixels kept on every side.
    """

    height: int
    width: int
    channels: int = 1
    ink: str = "light"
    fit: str = "contain"
    margin: int = 2

    def __post_init__(self) -> None:
        if min(self.height, self.width) <= 2 * self.margin or self.margin < 0:
            raise ModelFileError(
                f"input {self.height}x{self.width} has no room inside a margin of {self.margin}"
            )
        for name, allowed in (
            ("channels", (1, 3)),
            ("ink", ("light", "dark")),
            ("fit", ("contain", "stretch")),
        ):
            if getattr(self, name) not in allowed:
                raise ModelFileError(f"input {name} is {getattr(self, name)!r}, expected one of {allowed}")


@dataclass(frozen=True)
class ModelSpec:
    """Everything a reader of a model file must know; stored as JSON under the key `hwr_edge`.

    Attributes:
        name: the model's name, such as "latin62".
        labels: one text per output class, in the order of the outputs.
        input: the pixels it wants.
        temperature: divides the logarithm of the probabilities before they are read (calibration).
        reject_below: the calibrated confidence under which an answer is doubtful.
        romanised: an ASCII name per label, where the labels need a font few systems have.
        architecture, training, quantisation, metrics: provenance, free-form JSON objects.
        licence: terms of the weights and of the data behind them.
        schema: the version of this layout.
    """

    name: str
    labels: tuple[str, ...]
    input: InputSpec
    temperature: float = 1.0
    reject_below: float = 0.0
    romanised: tuple[str, ...] = ()
    architecture: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    quantisation: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    licence: str = ""
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        if not self.labels or len(set(self.labels)) != len(self.labels):
            raise ModelFileError(f"model {self.name!r}: labels must be given, each once")
        if self.romanised and len(self.romanised) != len(self.labels):
            raise ModelFileError(
                f"model {self.name!r}: {len(self.romanised)} romanised names for {len(self.labels)} labels"
            )
        if not self.temperature > 0:
            raise ModelFileError(f"model {self.name!r}: temperature must be above 0, is {self.temperature}")
        if self.schema > SCHEMA:
            raise ModelFileError(
                f"model {self.name!r} metadata version {self.schema} is newer than {SCHEMA}: upgrade hwr-edge"
            )

    def to_json(self) -> str:
        """The spec as one line of JSON, keys sorted, so that equal specs give equal bytes."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "ModelSpec":
        """Read what `to_json` wrote.

        Raises:
            ModelFileError: not JSON, an unknown or missing key, or a value out of range.
        """
        try:
            values = json.loads(text)
            values["input"] = InputSpec(**values["input"])
            for name in ("labels", "romanised"):
                values[name] = tuple(values.get(name, ()))
            return cls(**values)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ModelFileError(f"model metadata cannot be read: {error}") from error
