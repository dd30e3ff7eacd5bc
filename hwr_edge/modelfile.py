"""Metadata inside the model file itself: read and written without onnx, tensorflow or keras.

A `.onnx` file keeps the spec in its `metadata_props`, a `.keras` file as a member of its zip, a `.tflite`
file as a member of a zip written after its own bytes. Every runtime still loads such a file.
"""

import hashlib
import io
import json
import os
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from hwr_edge.errors import ModelFileError
from hwr_edge.spec import ModelSpec

KEY = "hwr_edge"
MEMBER = "hwr_edge.json"
SUFFIXES = (".onnx", ".tflite", ".keras")

_METADATA_PROPS = 14  # field of ModelProto in onnx.proto
_ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # so that equal models give equal bytes


def read_spec(path: str | Path) -> ModelSpec:
    """Read the spec out of a model file.

    Raises:
        ModelFileError: the file is missing, damaged, of an unknown kind, or has no metadata.
    """
    return parse_spec(read_bytes(path), Path(path))


def find_spec(path: str | Path) -> ModelSpec | None:
    """Like `read_spec`, but None where the file is whole and has no metadata."""
    text = _reader(Path(path))(read_bytes(path), Path(path)).get(KEY)
    return None if text is None else ModelSpec.from_json(text)


def parse_spec(data: bytes, path: Path) -> ModelSpec:
    """`read_spec` for a file already read; `path` gives the kind and the name in errors."""
    text = _reader(path)(data, path).get(KEY)
    if text is None:
        raise ModelFileError(
            f"{path} has no hwr-edge metadata (labels, input size):"
            " add it with hwr-edge tag, or hwr_edge.modelfile.write_spec(path, spec)"
        )
    return ModelSpec.from_json(text)


def texts(path: str | Path) -> dict[str, str]:
    """All metadata of a model file, ours and others': properties of an ONNX file, text members of a zip.

    Raises:
        ModelFileError: the file is missing, damaged, or of an unknown kind.
    """
    return _reader(Path(path))(read_bytes(path), Path(path))


def write_spec(path: str | Path, spec: ModelSpec) -> None:
    """Put `spec` into a model file, replacing the one there; the old file stays whole until the new one is.

    Other tools find the labels too: in ONNX as `names` (JSON list) and `character` (lines), in TFLite as
    `labels.txt`.

    Raises:
        ModelFileError: the file is missing, damaged, or of an unknown kind.
    """
    path = Path(path)
    data = read_bytes(path)
    _reader(path)(data, path)  # refuses a damaged file before anything is written
    if path.suffix == ".onnx":
        labels = list(spec.labels)
        names = json.dumps(labels, ensure_ascii=False)
        data = _with_props(data, {KEY: spec.to_json(), "names": names, "character": "\n".join(labels)})
    elif path.suffix == ".tflite":
        data = _with_members(data, {MEMBER: spec.to_json(), "labels.txt": "\n".join(spec.labels) + "\n"})
    else:
        data = _with_members(data, {MEMBER: spec.to_json()})
    write_atomic(path, data)


def sha256(path: str | Path) -> str:
    """The file's SHA-256 in hexadecimal."""
    return hashlib.sha256(read_bytes(path)).hexdigest()


def read_bytes(path: str | Path) -> bytes:
    """The file's bytes, or a ModelFileError that says why not."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelFileError(f"model file {path} cannot be read: {error.strerror or error}") from error


def own_bytes(data: bytes) -> bytes:
    """The bytes in front of the zip that ends a file: of a `.tflite` file, those its converter wrote."""
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return data[: min((info.header_offset for info in archive.infolist()), default=archive.start_dir)]


def write_atomic(path: Path, data: bytes) -> None:
    """Write under a temporary name beside `path`, then rename: a reader sees the old file or the new one."""
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_json(path: Path, values: object) -> None:
    """Values as JSON, whole or not at all."""
    write_atomic(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def onnx_fields(data: bytes | memoryview) -> Iterator[tuple[int, memoryview | int, int, int]]:
    """Walk the fields of one protobuf message: (number, value, start, end of the whole field).

    A length-delimited value is a view of its bytes, a varint or fixed one its integer.

    Raises:
        ValueError: the bytes are no protobuf message.
    """
    view = memoryview(data)
    at = 0
    while at < len(view):
        start = at
        tag, at = _varint(view, at)
        kind = tag & 7
        value: memoryview | int
        if kind == 0:
            value, at = _varint(view, at)
        else:
            size = {1: 8, 5: 4}.get(kind)
            if kind == 2:
                size, at = _varint(view, at)
            if size is None or tag < 8 or at + size > len(view):
                raise ValueError("not a protobuf message")
            raw = view[at : at + size]
            value = raw if kind == 2 else int.from_bytes(raw, "little")
            at += size
        yield tag >> 3, value, start, at


def _reader(path: Path) -> Callable[[bytes, Path], dict[str, str]]:
    readers = {".onnx": _onnx_texts, ".tflite": _tflite_texts, ".keras": _zip_texts}
    if path.suffix not in readers:
        raise ModelFileError(f"{path} is no model file: expected one of {', '.join(SUFFIXES)}")
    return readers[path.suffix]


def _onnx_texts(data: bytes, path: Path) -> dict[str, str]:
    try:
        fields = [(number, value) for number, value, _, _ in onnx_fields(data)]
        if 7 not in (number for number, _ in fields):
            raise ValueError("no graph")
        return dict(_entry(value) for number, value in fields if number == _METADATA_PROPS)
    except ValueError as error:
        raise ModelFileError(f"{path} is damaged or no ONNX file: {error}") from error


def _tflite_texts(data: bytes, path: Path) -> dict[str, str]:
    if data[4:8] != b"TFL3":
        raise ModelFileError(f"{path} is damaged or no TFLite file")
    return _zip_texts(data, path) if zipfile.is_zipfile(io.BytesIO(data)) else {}


def _zip_texts(data: bytes, path: Path) -> dict[str, str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = {
                name: archive.read(name).decode(errors="replace")
                for name in archive.namelist()
                if name.endswith(".txt")
            }
            return found | ({KEY: archive.read(MEMBER).decode()} if MEMBER in archive.namelist() else {})
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise ModelFileError(f"{path} is damaged: {error}") from error


def _with_props(data: bytes, texts: Mapping[str, str]) -> bytes:
    out = bytearray()
    for number, value, start, end in onnx_fields(data):
        if number != _METADATA_PROPS or _entry(value)[0] not in texts:
            out += data[start:end]
    for key, text in texts.items():
        entry = onnx_field(1, key.encode()) + onnx_field(2, text.encode())
        out += onnx_field(_METADATA_PROPS, entry)
    return bytes(out)


def _with_members(data: bytes, texts: Mapping[str, str]) -> bytes:
    out = io.BytesIO()
    out.write(own_bytes(data))
    kept: list[tuple[zipfile.ZipInfo, bytes]] = []
    if zipfile.is_zipfile(io.BytesIO(data)):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            kept = [(info, archive.read(info)) for info in archive.infolist() if info.filename not in texts]
    with zipfile.ZipFile(out, "a") as archive:
        for info, content in kept:
            archive.writestr(info, content)
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), text)
    return out.getvalue()


def _entry(value: memoryview | int) -> tuple[str, str]:
    if isinstance(value, int):
        raise ValueError("metadata is no text")
    texts = {
        number: bytes(text).decode() for number, text, _, _ in onnx_fields(value) if not isinstance(text, int)
    }
    return texts.get(1, ""), texts.get(2, "")


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(view):
            raise ValueError("cut short")
        byte = view[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("not a protobuf message")


def onnx_field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a protobuf message."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """A number of 0 or more as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])
