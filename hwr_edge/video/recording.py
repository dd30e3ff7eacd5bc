"""A video of what was seen and read, which appears under its name only once it is whole."""

import os
from pathlib import Path

import cv2

from hwr_edge.ink import Pixels

_CODECS = {".mp4": "mp4v", ".m4v": "mp4v", ".mov": "mp4v", ".mkv": "mp4v", ".avi": "MJPG"}
_LONGEST_GAP = 10.0  # seconds without a frame that are made up for


class Recording:
    """Writes frames to a temporary file beside the wanted one; `close` gives it its name.

    Frames come as fast as they are read, a video has one speed: a frame is repeated where none came in
    time, so that the video runs as long as what it shows.

    Args:
        path: where it goes; .mp4, .m4v, .mov, .mkv or .avi.
        rate: frames a second of the video.

    Raises:
        OSError: the ending is none of these, or nothing can be written there.
    """

    def __init__(self, path: Path, rate: float) -> None:
        if path.suffix.lower() not in _CODECS:
            raise OSError(f"{path}: a recording ends in {', '.join(_CODECS)}: give it such a name")
        if path.is_dir() or not os.access(path.parent, os.W_OK):
            raise OSError(f"{path} cannot be written: give another place for the recording")
        self._path = path
        self._rate = rate
        self._part = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
        self._video: cv2.VideoWriter | None = None
        self._size = (0, 0)
        self._start = 0.0
        self._written = 0

    def add(self, picture: Pixels, at: float) -> None:
        """Add one frame, uint8 (H, W, 3); one of another size than the first is fitted to that.

        Args:
            picture: the frame.
            at: seconds, rising from frame to frame.

        Raises:
            OSError: the video cannot be written.
        """
        if self._video is None:
            self._begin(picture, at)
        assert self._video is not None
        if picture.shape[1::-1] != self._size:
            picture = cv2.resize(picture, self._size, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        due = round((at - self._start) * self._rate) + 1 - self._written
        for _ in range(min(max(due, 0), round(_LONGEST_GAP * self._rate))):
            self._video.write(picture)
        self._written += max(due, 0)

    def close(self) -> bool:
        """Finish the file and give it its name; returns whether there is one.

        Raises:
            OSError: the file is not whole; it is taken away.
        """
        if self._video is None:
            return False
        self._video.release()
        self._video = None
        # OpenCV does not say so where the disk is full: what was written is looked at.
        if cv2.VideoCapture(str(self._part)).get(cv2.CAP_PROP_FRAME_COUNT) < 1:
            self._part.unlink(missing_ok=True)
            raise OSError(f"{self._path} could not be finished: is the disk full?")
        self._part.replace(self._path)
        return True

    def _begin(self, picture: Pixels, at: float) -> None:
        codec = cv2.VideoWriter.fourcc(*_CODECS[self._path.suffix.lower()])
        self._size = (picture.shape[1], picture.shape[0])
        self._start = at
        self._video = cv2.VideoWriter(str(self._part), codec, self._rate, self._size)
        if not self._video.isOpened():
            self._part.unlink(missing_ok=True)
            raise OSError(f"{self._path}: this OpenCV cannot write such a video: try .avi or .mp4")
