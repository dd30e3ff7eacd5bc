"""Characters of fonts, at training time only: handwriting faces as more writers, text faces for forms.

The faces come from Debian packages (`apt-get install` the names of `PACKAGES`); no face or picture of one is
part of the project.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hwr_edge.errors import DataError
from hwr_edge.ink import Pixels, char_crop

FOLDER = Path(os.environ.get("HWR_EDGE_FONTS", "/usr/share/fonts"))

PACKAGES = {
    "handwriting": "fonts-dkg-handwriting fonts-breip fonts-femkeklaver fonts-klee "
    "fonts-rufscript fonts-seto fonts-yusei-magic fonts-sjfonts fonts-comic-neue fonts-dancingscript "
    "fonts-kiloji fonts-ecolier-court fonts-yozvox-yozfont-edu",
    "printed": "fonts-liberation fonts-dejavu-core fonts-freefont-ttf fonts-crosextra-carlito "
    "fonts-crosextra-caladea",
    "hangul": "fonts-nanum fonts-nanum-extra fonts-unfonts-core fonts-unfonts-extra fonts-seto",
}
# How the files of those packages begin. Faces that draw capitals for small letters were tried and left out.
FACES = {
    "handwriting": "dkg breip Breip femkeklaver Klee Rufscript setofont YuseiMagic SteveHand Delphine "
    "ComicNeue DancingScript kiloji Ecolier YOzRE_ YOzBE_",
    "printed": "Liberation DejaVuS Free Carlito Caladea",
    # Written ones, and plain ones that draw letters as many hands do; of those that look alike, one.
    "hangul": "NanumPen NanumBrush NanumBarunpen NanumBarunGothicL NanumSquareRound setofont. UnPen UnPilgi. "
    "UnGraphic UnShinmun UnVada UnTaza",
}
_SIZE = 80


def faces(kind: str) -> list[Path]:
    """The installed faces of a kind: "handwriting", "printed" or "hangul".

    Raises:
        DataError: none is installed; the message names the packages.
    """
    found = sorted(
        path for path in FOLDER.rglob("*.[ot]tf") if path.name.startswith(tuple(FACES[kind].split()))
    )
    if not found:
        raise DataError(f"{FOLDER} holds no {kind} fonts: apt-get install {PACKAGES[kind]}")
    return found


def glyphs(kind: str, labels: str) -> Iterator[tuple[Pixels, str, str]]:
    """Yield ink patch, label and face for every character that a face has."""
    for face in faces(kind):
        font = ImageFont.truetype(str(face), _SIZE)
        for label in labels:
            patch = _glyph(font, label)
            if patch is not None:
                yield patch, label, face.stem


def _glyph(font: ImageFont.FreeTypeFont, character: str) -> Pixels | None:
    """The character's ink, or None where the face has no such glyph."""
    if font.getmask(character).getbbox() is None or bytes(font.getmask(character)) == bytes(
        font.getmask("\uffff")
    ):
        return None
    picture = Image.new("L", (3 * _SIZE, 3 * _SIZE), 0)
    ImageDraw.Draw(picture).text((_SIZE, _SIZE // 2), character, 255, font)
    crop = char_crop(np.asarray(picture), "yes")
    return crop.patch if crop else None
