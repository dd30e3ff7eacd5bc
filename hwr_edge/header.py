"""What the first bytes of a picture file say, read before anything is decoded.

A decoder answers a cut-off file with half a picture and a forged header with gigabytes of memory. So
format, size, orientation and the end marker are read here, from the bytes alone.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

READABLE = "PNG, JPEG, WebP, GIF, BMP, TIFF or PNM"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".pbm", ".pgm", ".ppm")
SNIFF = 32  # bytes that tell the format

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ORIENTATION = 274
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
)


@dataclass(frozen=True)
class Header:
    """What a file says about itself.

    Attributes:
        format: "PNG", "JPEG", ...
        width, height: pixels as stored, before any turning; 0 where the file does not say.
        orientation: the EXIF orientation 1-8.
        complete: whether the file ends as its format says it must.
    """

    format: str
    width: int
    height: int
    orientation: int = 1
    complete: bool = True


def sniff(data: bytes) -> str:
    """The format that the first `SNIFF` bytes announce, "" for none of ours."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[:1] == b"P" and data[1:2] in b"123456" and data[2:3].isspace():
        return "PNM"
    return ""


def is_heic(data: bytes) -> bool:
    """Whether the bytes start like the HEIC pictures of telephones, which OpenCV does not read."""
    return data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"hevc")


def read_header(data: bytes) -> Header | None:
    """Read the header of a whole file in memory.

    Returns:
        None where the bytes are of no format that can be read. A header cut short gives
        `complete=False`.
    """
    name = sniff(data)
    if not name:
        return None
    try:
        return _READERS[name](data)
    except (struct.error, IndexError, ValueError):
        return Header(name, 0, 0, complete=False)


def _png(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 16)
    orientation, whole, at = 1, False, 8
    while at + 12 <= len(data) and not whole:
        (length,), kind = struct.unpack_from(">I", data, at), data[at + 4 : at + 8]
        body, at = memoryview(data)[at + 4 : at + 8 + length], at + 12 + length
        if at > len(data) or zlib.crc32(body) != struct.unpack_from(">I", data, at - 4)[0]:
            break
        if kind == b"eXIf":
            orientation = exif_orientation(bytes(body[4:]))
        whole = kind == b"IEND"
    return Header("PNG", width, height, orientation, whole)


def _jpeg(data: bytes) -> Header:
    """OpenCV turns JPEG pictures itself, so their EXIF is left to it."""
    width = height = 0
    for marker, at in _jpeg_segments(data):
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
        if marker == 0xDA:  # the scan: after it FF D9 can only be the end of the image
            return Header("JPEG", width, height, complete=data.find(b"\xff\xd9", at) > 0)
    return Header("JPEG", width, height, complete=False)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int]]:
    """Marker and place of the segments up to the first scan."""
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        marker = data[at + 1]
        yield marker, at
        at += 2 + struct.unpack_from(">H", data, at + 2)[0]


def _webp(data: bytes) -> Header:
    complete = len(data) >= 8 + struct.unpack_from("<I", data, 4)[0]
    kind = data[12:16]
    if kind == b"VP8X":
        width = 1 + int.from_bytes(data[24:27], "little")
        height = 1 + int.from_bytes(data[27:30], "little")
    elif kind == b"VP8L":
        bits = struct.unpack_from("<I", data, 21)[0]
        width, height = 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
    orientation, at = 1, 12
    while at + 8 <= len(data):
        length = struct.unpack_from("<I", data, at + 4)[0]
        if data[at : at + 4] == b"EXIF":
            orientation = exif_orientation(data[at + 8 : at + 8 + length])
        at += 8 + length + (length & 1)
    return Header("WebP", width, height, orientation, complete)


def _gif(data: bytes) -> Header:
    width, height = struct.unpack_from("<HH", data, 6)
    return Header("GIF", width, height, complete=data.rstrip(b"\0").endswith(b";"))


def _bmp(data: bytes) -> Header:
    size, offset = struct.unpack_from("<I4xI", data, 2)
    if struct.unpack_from("<I", data, 14)[0] == 12:
        width, height = struct.unpack_from("<HH", data, 18)
    else:
        width, height = (abs(side) for side in struct.unpack_from("<ii", data, 18))
    return Header("BMP", width, height, complete=len(data) >= max(size, offset + 1))


def _tiff(data: bytes) -> Header:
    """OpenCV turns TIFF pictures itself and refuses cut-off ones."""
    tags = _ifd(data)
    return (
        Header("TIFF", tags[256], tags[257]) if {256, 257} <= tags.keys() else Header("TIFF", 0, 0, 1, False)
    )


def _pnm(data: bytes) -> Header:
    kind = data[1] - ord("0")
    lines = (line.partition(b"#")[0] for line in data[2:1024].split(b"\n"))
    fields = b" ".join(lines).split()
    width, height = int(fields[0]), int(fields[1])
    if kind <= 3:  # numbers as text: at least one digit a sample
        return Header("PNM", width, height, complete=len(data) >= width * height)
    deep = kind != 4 and int(fields[2]) > 255
    row = (width + 7) // 8 if kind == 4 else width * (3 if kind == 6 else 1) * (2 if deep else 1)
    return Header("PNM", width, height, complete=len(data) > row * height)


def exif_orientation(exif: bytes) -> int:
    """The orientation 1-8 in an EXIF block, 1 where there is none or it makes no sense."""
    try:
        value = _ifd(exif.removeprefix(b"Exif\0\0")).get(_ORIENTATION, 1)
    except (struct.error, IndexError):
        return 1
    return value if 1 <= value <= 8 else 1


def _ifd(data: bytes) -> dict[int, int]:
    """The one-number tags of the first directory of a TIFF structure."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None:
        return {}
    start = struct.unpack_from(order + "I", data, 4)[0]
    tags = {}
    for entry in range(struct.unpack_from(order + "H", data, start)[0]):
        tag, kind, count = struct.unpack_from(order + "HHI", data, start + 2 + 12 * entry)
        if count == 1 and kind in (3, 4):
            tags[tag] = struct.unpack_from(
                order + ("H" if kind == 3 else "I"), data, start + 10 + 12 * entry
            )[0]
    return tags


_READERS = {
    "PNG": _png,
    "JPEG": _jpeg,
    "WebP": _webp,
    "GIF": _gif,
    "BMP": _bmp,
    "TIFF": _tiff,
    "PNM": _pnm,
}
