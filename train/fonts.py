"""Characters of fonts, at training time only: handwriting faces as more writers, text faces for forms.

The faces come from Debian packages (`apt-get install` the names of `PACKAGES`) and, those of the kind "web",
from npm packages; no face or picture of one is part of the project.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from hwr_edge.errors import DataError
from hwr_edge.ink import Pixels, char_crop

FOLDERS = [Path(name) for name in os.environ.get("HWR_EDGE_FONTS", "/usr/share/fonts").split(os.pathsep)]
"""Where faces are looked for, at any depth."""

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
# Hands of the web, chosen by eye for letters that stand alone; under the SIL Open Font License.
_WEB = (
    "annie-use-your-telescope architects-daughter bad-script balsamiq-sans caveat caveat-brush "
    "cedarville-cursive chilanka covered-by-your-grace delicious-handrawn delius finger-paint gaegu "
    "gloria-hallelujah gochi-hand handlee homemade-apple indie-flower itim kalam long-cang mansalva "
    "marck-script nanum-pen-script neucha patrick-hand playpen-sans poor-story reenie-beanie schoolbell "
    "shadows-into-light shantell-sans short-stack sriracha sue-ellen-francisco swanky-and-moo-moo "
    "the-girl-next-door yomogi zen-kurenaido"
)
FACES["web"] = " ".join(f"{name}-latin-400-normal." for name in _WEB.split())
_SUFFIXES = (".ttf", ".otf", ".woff")
_SIZE = 80


def faces(kind: str) -> list[Path]:
    """The installed faces of a kind: "handwriting", "web", "printed" or "hangul".

    Raises:
        DataError: none is installed; the message names the packages.
    """
    starts = tuple(FACES[kind].split())
    found = sorted(
        path
        for folder in FOLDERS
        for path in folder.rglob("*")
        if path.suffix in _SUFFIXES and path.name.startswith(starts)
    )
    if not found:
        places = os.pathsep.join(map(str, FOLDERS))
        raise DataError(f"{places} holds no {kind} fonts: {_how_to_install(kind)}")
    return found


def _how_to_install(kind: str) -> str:
    if kind != "web":
        return f"apt-get install {PACKAGES[kind]}"
    packages = " ".join(f"@fontsource/{name}" for name in _WEB.split())
    return f"name a folder in HWR_EDGE_FONTS too, and there run: npm install {packages}"


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
