"""Single characters amid what a camera sees about them: light, shadow, grain, rules, boxes, a desk.

Each is drawn over the same photographs, from a seed, so that the figures can be set beside each other.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from benchmarks.kept_out import CHARS74K, KEPT_OUT
from benchmarks.refusals import readers_of
from hwr_edge.ink import Pixels, luminance

_SIZE = (400, 300)  # width and height that the photographs are reduced to
_PAPER, _INK = 235, 30  # their brightness

Rng = np.random.Generator


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
    return cv2.imdecode(cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, 15])[1], 0)  # type: ignore[return-value]


def tiny(sheet: Pixels, rng: Rng) -> Pixels:
    """48 pixels wide."""
    return cv2.resize(sheet, (48, 36), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def chalk(sheet: Pixels, rng: Rng) -> Pixels:
    """Light on dark."""
    return cv2.bitwise_not(sheet)  # type: ignore[return-value]


KINDS: dict[str, Callable[[Pixels, Rng], Pixels]] = {
    kind.__name__.replace("_", " "): kind
    for kind in (
        *(plain, uneven_light, soft_shadow, hard_shadow, grain, overexposed_grain, pencil, ruled, squared),
        *(boxed, framed, desk, turned, blurred, compressed, tiny, chalk),
    )
}
"""Name -> a clean sheet, uint8 (300, 400), to the picture of it; the sheet may be drawn on."""


def sheet_of(photograph: Pixels) -> Pixels:
    """Chars74K's drawing as ink on paper: uint8 (300, 400)."""
    small = cv2.resize(luminance(photograph), _SIZE, interpolation=cv2.INTER_AREA).astype(np.float32)
    return _grey(_INK + small * ((_PAPER - _INK) / 255))


def measure(data: Path, limit: int | None = None) -> list[dict[str, Any]]:
    """A row a kind: what `latin62` reads right and refuses, told that it is one character and not told."""
    shown: Iterable[tuple[Pixels, str]] = islice(KEPT_OUT[CHARS74K](data), limit)
    sheets = [(sheet_of(picture), label) for picture, label in shown]
    reader = readers_of("latin62")["int8"]
    rows = []
    for name, kind in KINDS.items():
        row: dict[str, Any] = {"model": "latin62", "surroundings": name, "n": len(sheets)}
        pictures = [kind(sheet.copy(), np.random.default_rng(n)) for n, (sheet, _) in enumerate(sheets)]
        for layout in ("auto", "char"):
            found = [reader.predict(picture, layout) for picture in pictures]
            pairs = list(zip(found, sheets, strict=True))
            row[f"{layout} exact"] = round(
                sum(one.text == label for one, (_, label) in pairs) / len(pairs), 4
            )
            row[f"{layout} refused"] = round(sum(one.rejected is not None for one in found) / len(pairs), 4)
        rows.append(row)
    return rows


def _shadow(sheet: Pixels, softness: float) -> np.ndarray:
    height, width = sheet.shape
    lit = np.ones((height, width), np.float32)
    corners = np.array([[width * 0.55, 0], [width, 0], [width, height], [width * 0.3, height]], np.int32)
    return cv2.GaussianBlur(cv2.fillPoly(lit, [corners], (0.6,)), (0, 0), softness)


def _shaded(sheet: Pixels, light: np.ndarray) -> Pixels:
    return _grey(sheet * light)


def _grey(values: np.ndarray) -> Pixels:
    return np.clip(values, 0, 255).astype(np.uint8)
