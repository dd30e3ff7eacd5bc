"""Where frames come from: a camera, a video file, a network stream, or a folder of pictures."""

import os
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import cv2

from hwr_edge import header, sources
from hwr_edge.decode import OptionError
from hwr_edge.errors import DeviceError, ImageError
from hwr_edge.image import load
from hwr_edge.ink import Pixels

Skip = Callable[[ImageError], None]

_WAIT = 5000  # milliseconds that a network stream may take to open, and to send a frame
_DEVICE = re.compile(r"(?:/dev/video)?(\d+)")
_PICTURES_A_SECOND = 25.0  # where neither the caller nor the source says


class Shot(NamedTuple):
    """One picture as it came from its source: when (seconds of `time.perf_counter`), and its pixels."""

    taken: float
    pixels: Pixels


@dataclass(frozen=True)
class Wanted:
    """What the caller asks of a source.

    Attributes:
        text: a camera's number, /dev/videoN, a file, an address, or a folder of pictures.
        width, height: pixels, None for the camera's own; only a camera can be asked for them.
        fps: frames a second; asked of a camera, and the speed at which a file is played.
    """

    text: str
    width: int | None = None
    height: int | None = None
    fps: float | None = None


class Source(Protocol):
    """An open source.

    Attributes:
        name: as the caller wrote it.
        live: frames come whether they are wanted or not, and their end is a fault.
        rate: frames a second, as asked for or as the source says.
    """

    name: str
    live: bool
    rate: float

    def read(self) -> Shot | None:
        """Wait for the next picture, uint8 (H, W) or BGR (H, W, 3); None where there are no more."""
        ...

    def close(self) -> None:
        """Give the device, file or connection back."""
        ...


def _raise(error: ImageError) -> None:
    raise error


def open_source(wanted: Wanted, skip: Skip = _raise) -> Source:
    """Open what the text leads to.

    Args:
        wanted: what is to be opened.
        skip: is told of each picture of a folder that cannot be read, in place of an error.

    Raises:
        DeviceError: no such camera, it is busy, or nothing answers at the address.
        ImageError: the file or folder is missing, or holds nothing that can be read.
        OptionError: a size was asked of a source that has its own.
    """
    text = wanted.text
    device = _DEVICE.fullmatch(text)
    if device is None and (wanted.width or wanted.height):
        raise OptionError(f"{text}: only a camera can be asked for a size: leave --width and --height out")
    if device:
        return _camera(wanted, int(device[1]))
    if "://" in text:
        return _stream(wanted)
    if not os.path.exists(text):
        raise ImageError(f"{text}: no such file: give a camera's number, a file, a folder or an address")
    if os.path.isdir(text) or text.lower().endswith(header.SUFFIXES):
        return _Pictures(wanted, skip)
    if os.path.isfile(text) and not os.path.getsize(text):
        raise ImageError(f"{text}: is empty: record or copy it again")
    video = cv2.VideoCapture(text, cv2.CAP_FFMPEG)
    if not video.isOpened():
        raise ImageError(f"{text}: not a video that can be read: convert it to MP4, or give its frames")
    return _Video(text, video, False, wanted.fps)


def _camera(wanted: Wanted, index: int) -> Source:
    video = cv2.VideoCapture(index)
    if not video.isOpened():
        raise DeviceError(
            f"camera {wanted.text} is not there, or another program holds it:"
            " hwr-edge camera --list shows those there are"
        )
    asked = (
        (cv2.CAP_PROP_FRAME_WIDTH, wanted.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, wanted.height),
        (cv2.CAP_PROP_FPS, wanted.fps),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
    )
    for what, value in asked:
        if value:
            video.set(what, value)
    return _Video(wanted.text, video, True, None)


def _stream(wanted: Wanted) -> Source:
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, _WAIT, cv2.CAP_PROP_READ_TIMEOUT_MSEC, _WAIT]
    video = cv2.VideoCapture(wanted.text, cv2.CAP_FFMPEG, limits)
    if not video.isOpened():
        raise DeviceError(f"{wanted.text}: no video comes from there: check the address, and that it sends")
    return _Video(wanted.text, video, True, None)


class _Video:
    """A camera, a file or a stream, through OpenCV."""

    def __init__(self, name: str, video: cv2.VideoCapture, live: bool, rate: float | None) -> None:
        self.name = name
        self.live = live
        said = video.get(cv2.CAP_PROP_FPS)
        self.rate = rate or (said if 1 <= said <= 1000 else _PICTURES_A_SECOND)
        self._video = video

    def read(self) -> Shot | None:
        """See `Source.read`; unpacking the picture counts as time after it was taken."""
        if not self._video.grab():
            return None
        taken = time.perf_counter()
        whole, pixels = self._video.retrieve()
        return Shot(taken, pixels) if whole and pixels is not None and pixels.size else None  # type: ignore[arg-type]

    def close(self) -> None:
        """See `Source.close`."""
        self._video.release()


class _Pictures:
    """A folder of pictures in natural order, or a single one; each is a frame."""

    def __init__(self, wanted: Wanted, skip: Skip) -> None:
        self.name = wanted.text
        self.live = False
        self._skip = skip
        self.rate = wanted.fps or _PICTURES_A_SECOND
        found = sources.expand([wanted.text])
        for source in found:
            if source.error:
                raise source.error
        self._names = iter([source.name for source in found])

    def read(self) -> Shot | None:
        """See `Source.read`."""
        for name in self._names:
            try:
                return Shot(time.perf_counter(), load(name))
            except ImageError as error:
                self._skip(error)
        return None

    def close(self) -> None:
        """See `Source.close`."""


@dataclass(frozen=True)
class Camera:
    """A camera of this machine; `size` (width, height) and `fps` are its own, None where it is busy."""

    index: int
    name: str
    size: tuple[int, int] | None
    fps: float | None


def list_cameras() -> list[Camera]:
    """The cameras of this machine, each opened for a moment; devices that send no pictures are left out."""
    devices = sorted(int(path.name[5:]) for path in Path("/dev").glob("video*") if path.name[5:].isdecimal())
    candidates = devices if os.path.isdir("/sys/class/video4linux") or devices else range(4)
    if os.name == "posix" and os.uname().sysname == "Linux":
        candidates = devices
    return [camera for index in candidates if (camera := _look_at(index))]


def _look_at(index: int) -> Camera | None:
    label = Path(f"/sys/class/video4linux/video{index}/name")
    name = (
        label.read_text(encoding="utf-8", errors="replace").strip() if label.exists() else f"camera {index}"
    )
    video = cv2.VideoCapture(index)
    try:
        if not video.isOpened():
            return Camera(index, name, None, None) if label.exists() else None
        if not video.grab():
            return None
        size = int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT))
        return Camera(index, name, size, video.get(cv2.CAP_PROP_FPS) or None)
    finally:
        video.release()
