"""The cameras of this machine: `hwr-edge camera --list`."""

import json
from dataclasses import asdict

from hwr_edge.errors import DeviceError


def list_them(form: str) -> int:
    """A line or, for "jsonl", an object for each; returns the exit code.

    Raises:
        DeviceError: there is none.
    """
    from hwr_edge.video.sources import list_cameras

    cameras = list_cameras()
    if not cameras:
        raise DeviceError("no camera found: plug one in, or allow this user to use it (group video)")
    for camera in cameras:
        if form == "jsonl":
            print(json.dumps(asdict(camera), ensure_ascii=False))
        else:
            size = "{}x{}".format(*camera.size) if camera.size else "busy"
            print(f"{camera.index}  {camera.name}  {size}{f' at {camera.fps:g} fps' if camera.fps else ''}")
    return 0
