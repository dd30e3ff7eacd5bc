"""Anything that is a picture comes out as the same upright pixels."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hwr_edge import header
from hwr_edge.errors import ImageError
from hwr_edge.image import load, to_batch
from hwr_edge.spec import InputSpec

GREY = np.full((40, 60), 220, np.uint8)
GREY[10:30, 12:16] = 30  # a stroke, left of the middle
GREY[26:30, 12:30] = 30  # with a foot: no turning or mirroring leaves it the same
COLOUR = np.dstack([GREY, GREY, GREY + np.uint8(20)])


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def same(found: NDArray[np.uint8], wanted: NDArray[np.uint8] = GREY, within: float = 8) -> bool:
    """Whether two pictures show the same, colour or not."""
    planes = [p.astype(float) if p.ndim == 2 else p.mean(axis=2) for p in (found, wanted)]
    return planes[0].shape == planes[1].shape and float(np.abs(planes[0] - planes[1]).mean()) < within


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_every_format_is_read(kind: str, mode: str) -> None:
    data = encoded(Image.fromarray(GREY).convert(mode), kind)
    assert same(load(data))
    head = header.read_header(data)
    assert head
    assert (head.width, head.height, head.complete) == (60, 40, True)


def test_path_string_bytes_pil_and_array_give_the_same(tmp_path: Path) -> None:
    path = tmp_path / "Größe 한글.png"
    cv2.imencode(".png", COLOUR)[1].tofile(path)
    wanted = load(path)
    assert wanted.shape == (40, 60, 3)
    pil = Image.fromarray(COLOUR[..., ::-1])
    for source in (str(path), path.read_bytes(), COLOUR, pil):
        assert np.array_equal(load(source), wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "pil"])
def test_exif_orientation_is_undone(kind: str, orientation: int) -> None:
    turned = {1: GREY, 2: GREY[:, ::-1], 3: GREY[::-1, ::-1], 4: GREY[::-1], 5: GREY.T}
    turned |= {6: np.rot90(GREY), 7: GREY[::-1, ::-1].T, 8: np.rot90(GREY, 3)}
    image = Image.fromarray(np.ascontiguousarray(turned[orientation])).convert("RGB")
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(image, "PNG" if kind == "pil" else kind, exif=exif)
    assert same(load(Image.open(io.BytesIO(data)) if kind == "pil" else data))


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("ink", "canvas"), [((0, 0, 0), 255), ((255, 255, 255), 0), ((40, 40, 160), 255)])
def test_ink_on_a_transparent_canvas_stands_out(
    ink: tuple[int, int, int], canvas: int, orientation: int
) -> None:
    drawing = np.zeros((40, 60, 4), np.uint8)
    drawing[..., :3] = ink
    drawing[..., 3] = (GREY < 100) * 255
    exif = Image.Exif()
    exif[274] = orientation
    image = Image.fromarray(np.ascontiguousarray(np.rot90(drawing) if orientation == 6 else drawing))
    found = load(encoded(image, "PNG", exif=exif))
    assert found.shape[:2] == (40, 60)
    assert (found[5, 5] == canvas).all()
    assert abs(float(found[20, 13].mean()) - np.mean(ink)) < 2


def test_a_mostly_opaque_picture_keeps_its_paper_under_transparent_corners() -> None:
    card = np.dstack([COLOUR, np.full((40, 60), 255, np.uint8)])
    card[:5, :5, 3] = 0
    assert abs(float(load(card)[2, 2].mean()) - 226) < 5


def test_an_invisible_picture_is_blank_paper() -> None:
    assert (load(np.zeros((20, 20, 4), np.uint8)) == 255).all()


@pytest.mark.parametrize("kind", ["P", "1", "LA", "RGBA", "CMYK", "I;16", "I", "F"])
@pytest.mark.parametrize("through", ["pil", "file"])
def test_every_mode_of_pil_is_read(kind: str, through: str) -> None:
    suffix = {"CMYK": "JPEG", "I": "TIFF", "F": "TIFF"}.get(kind, "PNG")
    if kind in ("I;16", "I"):
        image = Image.fromarray(GREY.astype(np.uint16) * 257)
        image = image if kind == "I;16" else image.convert("I")
    elif kind == "1":
        image = Image.fromarray(GREY > 100)
    elif kind == "P":
        image = Image.fromarray(COLOUR).quantize(8)
    else:
        image = Image.fromarray(GREY).convert("RGB").convert(kind if kind != "F" else "L").convert(kind)
    found = load(image if through == "pil" else encoded(image, suffix))
    wanted = (GREY > 100).astype(np.uint8) * np.uint8(255) if kind == "1" else GREY
    assert same(found, wanted)


@pytest.mark.parametrize(
    "array",
    [
        GREY[..., None],
        np.dstack([GREY, np.full_like(GREY, 255)]),
        np.dstack([COLOUR, np.full_like(GREY, 255)]),
        GREY.astype(np.float32) / 255,
        GREY.astype(np.float64),
        GREY.astype(np.int64),
        GREY.astype(np.uint16) * 16,  # 12 of 16 bits
        GREY.astype(np.uint16) * 257,
        np.asfortranarray(GREY),
    ],
)
def test_arrays_of_every_kind_are_read(array: NDArray[Any]) -> None:
    found = load(array)
    assert found.dtype == np.uint8
    assert found.flags["C_CONTIGUOUS"]
    assert same(found)


def test_bool_is_black_and_white() -> None:
    assert np.array_equal(load(GREY > 100), (GREY > 100) * np.uint8(255))


@pytest.mark.parametrize(
    ("array", "says"),
    [
        (np.zeros((1, 1), np.uint8), "too small"),
        (np.zeros((0, 5), np.uint8), "too small"),
        (np.zeros(9, np.uint8), "no picture"),
        (np.zeros((9, 9, 5), np.uint8), "no picture"),
        (np.full((9, 9), np.nan), "no picture"),
        (np.full((9, 9), -0.5), "no picture"),
        (np.full((9, 9), 300.0), "no picture"),
        (np.full((9, 9), "a"), "no picture"),
        (np.broadcast_to(np.uint8(0), (20_000, 20_000)), "megapixels"),
        (None, "no picture"),
        (7, "no picture"),
    ],
)
def test_what_is_no_picture_is_refused(array: object, says: str) -> None:
    with pytest.raises(ImageError, match=says):
        load(array)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_off_file_is_refused_whatever_its_format(kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (80, 90, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(ImageError, match=r"cut off|damaged|not a picture"):
        load(data[: int(len(data) * share)])


def test_a_cut_off_photograph_with_a_thumbnail_is_refused() -> None:
    """The end marker of the thumbnail in front is not that of the picture."""
    data = encoded(Image.fromarray(COLOUR), "JPEG")
    thumbnail = b"Exif\0\0" + data
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert same(load(whole), COLOUR)
    with pytest.raises(ImageError, match="cut off"):
        load(whole[:-30])


def test_a_flipped_bit_in_a_png_is_noticed() -> None:
    data = bytearray(encoded(Image.fromarray(COLOUR), "PNG"))
    data[len(data) // 2] ^= 1
    with pytest.raises(ImageError, match="damaged"):
        load(bytes(data))


def png_of(width: int, height: int) -> bytes:
    """A PNG that only claims to be of this size."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0"))
        + chunk(b"IEND", b"")
    )


def test_a_giant_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(ImageError, match="30000x30000 pixels is more than the limit of 100 megapixels"):
        load(png_of(30_000, 30_000))


def test_a_telephone_picture_in_heic_gets_its_own_advice() -> None:
    with pytest.raises(ImageError, match="HEIC"):
        load(b"\0\0\0\x18ftypheic" + bytes(40))


def test_a_dark_ink_model_and_one_of_three_channels_get_what_they_want() -> None:
    crop = np.full((20, 10), 255, np.uint8)
    batch = to_batch([crop], InputSpec(32, 32, channels=3, ink="dark"))
    assert batch.shape == (1, 32, 32, 3)
    assert batch[0, 0, 0].tolist() == [255] * 3
    assert batch[0, 16, 16].tolist() == [0] * 3
