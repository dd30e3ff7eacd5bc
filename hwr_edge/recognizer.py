"""The front door: a picture in, what is written on it out."""

import itertools
import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from hwr_edge import decode, locate, modelfile, models, runtimes
from hwr_edge.context.known import Known
from hwr_edge.decode import Answer, OptionError
from hwr_edge.errors import ImageError
from hwr_edge.image import fetch, to_batch, to_pixels
from hwr_edge.ink import Pixels
from hwr_edge.locate.assemble import INVERTS, LAYOUTS
from hwr_edge.prediction import Character, ModelRef, Prediction
from hwr_edge.reading import (
    Reading,
    Scores,
    Watch,
    characters_of,
    filled,
    joined_share,
    left_out,
    legibility,
    mean,
    mostly_tangled,
    read_layout,
    texts_of,
)
from hwr_edge.spec import ModelSpec

BLANK = "blank"
# Words in separate letters of writers not trained on are more legible, all but one in thirty-five. Where most
# characters were cut out of joined ink, which is hardly ever read right, more is asked: nineteen joined words
# in twenty have less (UNIPEN's validation writers).
_LEGIBLE = 0.84
_LEGIBLE_JOINED = 0.96
_LEFT_OUT = 0.2  # of a row's ink: so much is no dots and dashes but writing that was not read

_BLOCK = 64  # pictures of one character whose crops go through the model together

_NOTHING_KNOWN = Known()
_UINT8 = np.dtype(np.uint8)


class Recognizer:
    """A model, opened once and used for any number of pictures; not to be shared between threads.

    Args:
        model: a bundled name ("latin62", "digits", "hangul") or the path of a model file.
        runtime: "auto" for the fastest installed one, or "onnxruntime", "litert", "openvino", "opencv".
        device: "auto", "cpu" or "cuda"; "cuda" never falls back silently.
        threads: threads of the runtime; None leaves it to the runtime.
        known: what may be taken for granted about words and pages.

    Raises:
        ModelFileError: no such model, damaged, or without metadata.
        RuntimeMissingError: the runtime is not installed.
        DeviceError: the device is not there.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = "latin62",
        runtime: str = "auto",
        device: str = "auto",
        threads: int | None = None,
        known: Known = _NOTHING_KNOWN,
    ) -> None:
        path, name = models.find(os.fspath(model), runtime)
        opened = runtimes.open_runtime(path, name, device, threads)
        self._adopt(modelfile.read_spec(path), opened, modelfile.sha256(path), known)

    @classmethod
    def of(
        cls, spec: ModelSpec, runtime: runtimes.Runtime, sha256: str = "", known: Known = _NOTHING_KNOWN
    ) -> "Recognizer":
        """A recogniser from parts already open: a runtime shared with others, or one made up for a test."""
        made = cls.__new__(cls)
        made._adopt(spec, runtime, sha256, known)
        return made

    def _adopt(self, spec: ModelSpec, runtime: runtimes.Runtime, sha256: str, known: Known) -> None:
        self.spec = spec
        self.runtime = runtime
        self.known = known
        self.model = ModelRef(spec.name, sha256)

    def predict(
        self,
        image: object,
        layout: str = "auto",
        charset: str | None = None,
        top_k: int = 5,
        min_confidence: float | None = None,
        invert: str = "auto",
    ) -> Prediction:
        """Read one picture.

        Args:
            image: a path, bytes, PIL image or array, see `hwr_edge.image.load` for the kinds and ranges.
            layout: "char" reads one character and always answers with one label unless the picture is
                blank; "word" one line, "page" several; "auto" decides.
            charset: characters allowed: "digits", "upper", "lower", "letters", or such as "0-9A-F".
            top_k: alternatives listed per character.
            min_confidence: 0-1, the limit for `rejected="low_confidence"`, on the mean of a text; None
                takes the model's own for a character, and for a word or page whether it is legible at all.
            invert: "yes" where the ink is light, "no" where it is dark, "auto" to find out.

        Raises:
            ImageError: the picture cannot be read.
            OptionError: an option has a value that makes no sense for this model.
        """
        return self.read(image, layout, charset, top_k, min_confidence, invert)[0]

    def read(
        self,
        image: object,
        layout: str = "auto",
        charset: str | None = None,
        top_k: int = 5,
        min_confidence: float | None = None,
        invert: str = "auto",
    ) -> tuple[Prediction, list[Pixels]]:
        """`predict`, and beside it each character's uint8 (h, w) ink as it went into `to_batch`."""
        limit = self.check(layout, charset, top_k, min_confidence, invert)
        found, name, watch = _located(image, layout, invert)
        scores = Scores(self.spec, self.runtime, charset, watch)
        known = None if found.kind == "char" else self.known
        reading = read_layout(found, scores, known)
        if known and found.kind == "word":
            from hwr_edge.hands import read_again  # not needed for single characters

            reading = read_again(reading, scores, known)
        lines = reading.lines
        characters = characters_of(reading, scores.labels, top_k, limit, known)
        stage = "inference" if characters else "locate"
        watch.lap(stage)
        texts, fits = texts_of(lines, characters), True
        if known and known.pattern:
            texts, fits = filled(known.pattern, texts)
        doubtful = not fits or self._doubtful(reading, characters, scores.labels, min_confidence)
        watch.lap(stage)
        prediction = self._prediction(name, found, texts, characters, doubtful, watch)
        return prediction, [glyph.crop for line in lines for glyph in line.glyphs]

    def _doubtful(
        self,
        reading: Reading,
        characters: tuple[Character, ...],
        labels: tuple[str, ...],
        min_confidence: float | None,
    ) -> bool:
        """Whether a text is not to be relied on; the model's own limit is for single characters."""
        sure = mean(character.confidence for character in characters)
        if min_confidence is not None:
            return sure < min_confidence
        if mostly_tangled(reading.lines):
            return True
        if reading.found.kind == "char":
            return sure < self.spec.reject_below
        if reading.found.kind == "word" and left_out(reading) > _LEFT_OUT:
            return True
        joined = joined_share(reading.found.lines, reading.lines) > 0.5
        enough = max(_LEGIBLE_JOINED if joined else _LEGIBLE, self.spec.reject_below)
        return legibility(characters, reading, labels) < enough

    def predict_many(
        self, images: Iterable[object], layout: str = "auto", **options: Any
    ) -> list[Prediction]:
        """Read several pictures with the same options, see `predict`; the first error ends it.

        Single characters (`layout="char"`) go through the model a batch at a time, which takes less time than
        `predict` on each; the answers are the same, but for what float models lose in the last decimal.
        """
        if layout != "char":
            return [self.predict(one, layout, **options) for one in images]
        pictures = iter(images)
        found: list[Prediction] = []
        while block := list(itertools.islice(pictures, _BLOCK)):
            found += self._characters(block, **options)
        return found

    def _characters(
        self,
        images: Sequence[object],
        charset: str | None = None,
        top_k: int = 5,
        min_confidence: float | None = None,
        invert: str = "auto",
    ) -> list[Prediction]:
        """One character a picture, all in one batch; each is given its share of the time that takes."""
        limit = self.check("char", charset, top_k, min_confidence, invert)
        located = [_located(image, "char", invert) for image in images]
        together = Watch()
        lines = [line for found, _, _ in located for line in found.lines]
        scores = Scores(self.spec, self.runtime, charset, together)
        reading = read_layout(locate.Layout(tuple(lines), "", "char"), scores, None)
        characters = iter(characters_of(reading, scores.labels, top_k, limit, None))
        tangled = [min_confidence is None and mostly_tangled(found.lines) for found, _, _ in located]
        together.lap("inference")
        predictions = []
        for (found, name, watch), doubtful in zip(located, tangled, strict=True):
            own = tuple(itertools.islice(characters, len(found.lines)))
            if own:
                watch.add(together, 1 / len(lines))
            texts = tuple(character.label for character in own)
            doubtful = doubtful or any(character.confidence < limit for character in own)
            predictions.append(self._prediction(name, found, texts, own, doubtful, watch))
        return predictions

    def _prediction(
        self,
        name: str,
        found: locate.Layout,
        texts: tuple[str, ...],
        characters: tuple[Character, ...],
        doubtful: bool,
        watch: Watch,
    ) -> Prediction:
        return Prediction(
            input=name,
            model=self.model,
            runtime=self.runtime.name,
            device=self.runtime.device,
            text="\n".join(texts),
            lines=texts,
            characters=characters,
            polarity=found.polarity,
            rejected=BLANK if not characters else decode.LOW_CONFIDENCE if doubtful else None,
            timing_ms=watch.milliseconds(),
        )

    def predict_crops(
        self,
        crops: Sequence[Pixels],
        charset: str | None = None,
        top_k: int = 5,
        min_confidence: float | None = None,
        invert: str = "no",
    ) -> list[Answer]:
        """Read ready crops, one character each, cut tight: nothing is searched, turned or cleaned.

        Args:
            crops: uint8 (h, w) each, of any sizes; or one array (N, h, w).
            charset: as for `predict`.
            top_k: as for `predict`.
            min_confidence: as for `predict`.
            invert: "no" for light ink on 0, as in MNIST; "yes" for dark ink on white paper.

        Raises:
            ImageError: a crop is no uint8 plane, or has no pixels.
        """
        if not len(crops):
            return []
        for crop in crops:
            if crop.ndim != 2 or crop.dtype != _UINT8 or not crop.size:
                raise ImageError(
                    f"a crop must be uint8 (h, w), is {crop.dtype} {crop.shape}: convert it first"
                )
        if invert == "yes":
            crops = [np.subtract(255, crop) for crop in crops]
        probabilities = self.runtime.run(to_batch(crops, self.spec.input))
        return decode.decode(probabilities, self.spec, charset, top_k, min_confidence)

    def check(
        self, layout: str, charset: str | None, top_k: int, min_confidence: float | None, invert: str
    ) -> float:
        """Complain about the options of `predict` before any work is done; returns the limit for doubt.

        Raises:
            OptionError: an option has a value that makes no sense for this model.
        """
        for option, value, allowed in (("layout", layout, LAYOUTS), ("invert", invert, INVERTS)):
            if value not in allowed:
                raise OptionError(f"{option} is {value!r}: it must be one of {', '.join(allowed)}")
        if top_k < 1:
            raise OptionError(f"top_k is {top_k}: it must be at least 1")
        limit = self.spec.reject_below if min_confidence is None else min_confidence
        if not 0 <= limit <= 1:
            raise OptionError(f"min_confidence is {limit}: it must be between 0 and 1")
        decode.allowed_labels(self.spec.labels, charset)
        return limit


def _located(image: object, layout: str, invert: str) -> tuple[locate.Layout, str, Watch]:
    """Where the writing of a picture is, the picture's name, and what has been spent on it."""
    watch = Watch()
    data, name = fetch(image)
    watch.lap("load")
    pixels = to_pixels(data, name)
    watch.lap("decode")
    found = locate.find(pixels, layout, invert)
    watch.lap("locate")
    return found, name, watch
