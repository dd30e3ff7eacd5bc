"""Single characters amid what a camera sees about them: light, shadow, grain, rules, boxes, a desk.

Each is drawn over the same photographs, from a seed, so that the figures can be set beside each other; small
photographs from paper are made worse besides.
"""

from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.kept_out import CHARS74K, KEPT_OUT, PAPER_CROPS
from benchmarks.refusals import readers_of
from hwr_edge.ink import Pixels, luminance
from hwr_edge.recognizer import Recognizer

_SIZE = (400, 300)  # width and height that the photographs are reduced to
_PAPER, _INK = 235, 30  # their brightness

Rng = np.random.Generator
Kind = Callable[[Pixels, Rng], Pixels]


def plain(sheet: Pixels, rng: Rng) -> Pixels:
    """A clean sheet."""
    return sheet


def uneven_light(sheet: Pixels, rng: Rng) -> Pixels:
    """Light that falls to a quarter from one corner to the other."""
    height, width = sheet.shape
    return _shaded(sheet, np.linspace(1, 0.35, width)[None] * np.linspace(1, 0.7, height)[:, None])


def soft_shadow(sheet: Pixels, rng: Rng) -> Pixels:
    """Half of the sheet in a shadow of .6 of the light, its edge thirty pixels wide."""
    return _shaded(sheet, _shadow(sheet, 12))


def hard_shadow(sheet: Pixels, rng: Rng) -> Pixels:
    """The same with an edge of a few pixels."""
    return _shaded(sheet, _shadow(sheet, 2))


def grain(sheet: Pixels, rng: Rng) -> Pixels:
    """Noise of 15 grey levels, as of a camera in a dim room."""
    return _grey(sheet + rng.normal(0, 15, sheet.shape))


def overexposed_grain(sheet: Pixels, rng: Rng) -> Pixels:
    """Noise of 10 levels on paper that is white already."""
    return _grey(sheet + (255 - _PAPER) + rng.normal(0, 10, sheet.shape))


def pencil(sheet: Pixels, rng: Rng) -> Pixels:
    """Writing 40 grey levels under the paper, with noise of 5."""
    return _grey(
        _PAPER - (_PAPER - sheet.astype(float)) * 40 / (_PAPER - _INK) + rng.normal(0, 5, sheet.shape)
    )


def ruled(sheet: Pixels, rng: Rng) -> Pixels:
    """Dark rules, some of them through the character."""
    sheet[17::40] = np.minimum(sheet[17::40], 110)
    return sheet


def squared(sheet: Pixels, rng: Rng) -> Pixels:
    """Squares of 24 pixels, paler than the ink."""
    for lines in (sheet[17::24], sheet[:, 11::24]):
        np.minimum(lines, 180, out=lines)
    return sheet


def boxed(sheet: Pixels, rng: Rng) -> Pixels:
    """The printed box of a form, 25 pixels about the character."""
    rows, columns = np.nonzero(sheet < (_PAPER + _INK) // 2)
    tight = sheet[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    page = cv2.copyMakeBorder(tight, 33, 33, 33, 33, cv2.BORDER_CONSTANT, value=(_PAPER,))
    return cv2.rectangle(page, (8, 8), (page.shape[1] - 9, page.shape[0] - 9), 90, 2)  # type: ignore[return-value]


def framed(sheet: Pixels, rng: Rng) -> Pixels:
    """A black frame just inside the picture's edges."""
    return cv2.rectangle(sheet, (4, 4), (_SIZE[0] - 5, _SIZE[1] - 5), 0, 3)  # type: ignore[return-value]


def desk(sheet: Pixels, rng: Rng) -> Pixels:
    """A sheet on a dark desk."""
    scene = np.full((420, 540), 60, np.uint8)
    scene[60:360, 70:470] = sheet
    return _grey(scene + rng.normal(0, 6, scene.shape))


def turned(sheet: Pixels, rng: Rng) -> Pixels:
    """Turned by ten degrees."""
    turn = cv2.getRotationMatrix2D((_SIZE[0] / 2, _SIZE[1] / 2), 10, 1)
    return cv2.warpAffine(sheet, turn, _SIZE, borderValue=(_PAPER,))  # type: ignore[return-value]


def blurred(sheet: Pixels, rng: Rng) -> Pixels:
    """Out of focus."""
    return cv2.GaussianBlur(sheet, (0, 0), 4)  # type: ignore[return-value]


def compressed(sheet: Pixels, rng: Rng) -> Pixels:
    """JPEG of quality 15."""
    return _jpeg(sheet, 15)


def tiny(sheet: Pixels, rng: Rng) -> Pixels:
    """48 pixels wide."""
    return cv2.resize(sheet, (48, 36), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def scanned(sheet: Pixels, rng: Rng) -> Pixels:
    """Black and white alone, 80 pixels wide."""
    return _black_and_white(cv2.resize(sheet, (80, 60), interpolation=cv2.INTER_AREA))  # type: ignore[arg-type]


def chalk(sheet: Pixels, rng: Rng) -> Pixels:
    """Light on dark."""
    return cv2.bitwise_not(sheet)  # type: ignore[return-value]


def _by_name(*kinds: Kind) -> dict[str, Kind]:
    return {kind.__name__.replace("_", " "): kind for kind in kinds}


KINDS = _by_name(
    *(plain, uneven_light, soft_shadow, hard_shadow, grain, overexposed_grain, pencil, ruled, squared),
    *(boxed, framed, desk, turned, blurred, compressed, tiny, scanned, chalk),
)
"""Name -> a clean sheet, uint8 (300, 400), to the picture of it; the sheet may be drawn on."""


def crop(photo: Pixels, rng: Rng) -> Pixels:
    """As it is, some 33 pixels wide."""
    return photo


def smaller_crop(photo: Pixels, rng: Rng) -> Pixels:
    """Of .6 of its pixels either way."""
    return cv2.resize(photo, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def blurred_crop(photo: Pixels, rng: Rng) -> Pixels:
    """Out of focus by 1.2 of its pixels."""
    return cv2.GaussianBlur(photo, (0, 0), 1.2)  # type: ignore[return-value]


def compressed_crop(photo: Pixels, rng: Rng) -> Pixels:
    """JPEG of quality 25."""
    return _jpeg(photo, 25)


def grainy_crop(photo: Pixels, rng: Rng) -> Pixels:
    """With noise of 8 grey levels more."""
    return _grey(photo + rng.normal(0, 8, photo.shape))


def scanned_crop(photo: Pixels, rng: Rng) -> Pixels:
    """Black and white alone."""
    return _black_and_white(photo)


CROPS = _by_name(crop, smaller_crop, blurred_crop, compressed_crop, grainy_crop, scanned_crop)
"""Name -> a grey photograph of a character, uint8 (H, W), to a worse one."""


def sheet_of(photograph: Pixels) -> Pixels:
    """Chars74K's drawing as ink on paper: uint8 (300, 400)."""
    small = cv2.resize(luminance(photograph), _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    return _grey(_INK + small * ((_PAPER - _INK) / 255))


def measure(data: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """A row a kind: what `latin62` reads right and refuses, told that it is one character and not told."""
    sheets = [(sheet_of(picture), label) for picture, label in islice(KEPT_OUT[CHARS74K](data), limit)]
    crops = [(luminance(picture), label) for picture, label in islice(KEPT_OUT[PAPER_CROPS](data), limit)]
    reader = readers_of("latin62")["int8"]
    return [
        _row(reader, name, kind, shown)
        for shown, kinds in ((sheets, KINDS), (crops, CROPS))
        for name, kind in kinds.items()
    ]


def _row(reader: Recognizer, name: str, kind: Kind, shown: list[tuple[Pixels, str]]) -> dict[str, Any]:
    pictures = [kind(picture.copy(), np.random.default_rng(n)) for n, (picture, _) in enumerate(shown)]
    row: dict[str, Any] = {"model": "latin62", "surroundings": name, "n": len(shown)}
    for layout in ("auto", "char"):
        found = [reader.predict(picture, layout) for picture in pictures]
        right = [one.text == label for one, (_, label) in zip(found, shown, strict=True)]
        row[f"{layout} exact"] = round(sum(right) / len(shown), 4)
        row[f"{layout} refused"] = round(sum(one.rejected is not None for one in found) / len(shown), 4)
    return row


def _shadow(sheet: Pixels, softness: float) -> np.ndarray:
    height, width = sheet.shape
    lit = np.ones((height, width), np.float32)
    corners = np.array([[width * 0.55, 0], [width, 0], [width, height], [width * 0.3, height]], np.int32)
    return cv2.GaussianBlur(cv2.fillPoly(lit, [corners], (0.6,)), (0, 0), softness)


def _shaded(sheet: Pixels, light: np.ndarray) -> Pixels:
    return _grey(sheet * light)


def _jpeg(picture: Pixels, quality: int) -> Pixels:
    return cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 0)  # type: ignore[return-value]


def _black_and_white(picture: Pixels) -> Pixels:
    return cv2.threshold(picture, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1]  # type: ignore[return-value]


def _grey(values: np.ndarray) -> Pixels:
    return np.clip(values, 0, 255).astype(np.uint8)
