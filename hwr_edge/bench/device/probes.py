"""What really loads: each library is tried in a child process, where a crash harms nobody.

    python -m hwr_edge.bench.device.probes runtime NAME      opens a bundled model and reads with it
    python -m hwr_edge.bench.device.probes provider NAME     the same through one provider of onnxruntime
    python -m hwr_edge.bench.device.probes cv2               loads OpenCV and looks for what windows need

The child answers with one line of JSON; a child without an answer crashed or hung.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

SECONDS = 60  # a cold disk and a slow card take a while; a hang takes for ever
Step = Callable[[str], None]

_MODEL = "digits"
_ALWAYS = ("CPUExecutionProvider", "AzureExecutionProvider")  # the second only forwards to a cloud


def runtimes(probe: bool, step: Step = lambda name: None) -> list[dict[str, Any]]:
    """Every runtime known here: `name`, `installed`, `extra`, and what a probe found.

    Returns:
        `loads` is None unchecked, else whether a model was read; `error` says why not; `providers` maps
        those a library offers to whether they work; `seconds` is how long starting, loading and one
        reading took.
    """
    from hwr_edge.runtimes import RUNTIMES  # brings numpy, which `hwr-edge version` does without

    found = []
    for entry in RUNTIMES:
        row: dict[str, Any] = {"name": entry.name, "extra": entry.extra, "loads": None, "error": None}
        row |= {"installed": find_spec(entry.package) is not None, "providers": {}, "seconds": None}
        if probe and row["installed"]:
            step(entry.name)
            row |= _ask("runtime", entry.name)
        if entry.name == "onnxruntime":
            for provider in row["providers"]:
                if provider not in _ALWAYS:
                    row["providers"][provider] = _ask("provider", provider)["loads"]
        found.append(row)
    return found


def display(probe: bool, step: Step = lambda name: None) -> dict[str, Any]:
    """What showing a window takes: `server`, and by probing `cv2` (loads), `error`, `gui` and `libgl`."""
    server = os.environ.get("WAYLAND_DISPLAY") or os.environ.get("DISPLAY")
    if sys.platform in ("darwin", "win32"):
        server = sys.platform
    row: dict[str, Any] = {"server": server, "loads": None, "error": None, "gui": None, "libgl": None}
    if probe:
        step("cv2")
        row |= _ask("cv2")
    return row


def _ask(*words: str) -> dict[str, Any]:
    """Run this file as a child; its answer, or what became of it."""
    start = time.perf_counter()
    command = [sys.executable, "-m", __spec__.name, *words]
    patience = SECONDS * max(1.0, _crowding())
    try:
        done = subprocess.run(command, capture_output=True, timeout=patience, check=False)
    except subprocess.TimeoutExpired:
        return {"loads": False, "error": f"hangs: no answer within {patience:.0f} s"}
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    try:
        answer: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        return {"loads": False, "error": _end(done.returncode)}
    return answer | {"seconds": round(time.perf_counter() - start, 2)} if words[0] == "runtime" else answer


def _crowding() -> float:
    """How many want each processor: so many times slower than alone a child may be without hanging."""
    if not hasattr(os, "getloadavg"):
        return 1.0
    return os.getloadavg()[0] / (os.cpu_count() or 1)


def _end(code: int) -> str:
    if code < 0:
        return f"crashes ({signal.Signals(-code).name})"
    return f"ends without an answer (exit code {code})"


def _read_with(name: str) -> dict[str, Any]:
    """Open a bundled model in a runtime and read an empty crop."""
    import numpy as np

    from hwr_edge import modelfile, models, runtimes

    if name not in models.FORMS:  # opens files that are not bundled: that it can be imported must do
        importlib.import_module(next(entry.package for entry in runtimes.RUNTIMES if entry.name == name))
        return {"loads": True, "error": None}
    path, _ = models.find(_MODEL, name)
    spec = modelfile.read_spec(path)
    shape = (1, spec.input.height, spec.input.width, spec.input.channels)
    answer = runtimes.open_runtime(path, name, "cpu", 1).run(np.zeros(shape, np.uint8))
    if answer.shape != (1, len(spec.labels)) or abs(float(answer.sum()) - 1) > 0.05:
        return {"loads": False, "error": f"answers {answer.shape} adding up to {answer.sum():.3g}"}
    return {"loads": True, "error": None, "providers": _providers(name)}


def _providers(name: str) -> dict[str, bool]:
    """What a library says it can run on: providers of onnxruntime, devices of OpenVINO."""
    if name == "onnxruntime":
        return dict.fromkeys(importlib.import_module(name).get_available_providers(), True)
    if name == "openvino":
        return dict.fromkeys(importlib.import_module(name).Core().available_devices, True)
    return {}


def _open_provider(provider: str) -> dict[str, Any]:
    """Whether a session that asks for a provider gets it."""
    from hwr_edge import models

    ort = importlib.import_module("onnxruntime")
    ort.set_default_logger_severity(4)
    path, _ = models.find(_MODEL, "opencv")  # the float file, which every provider takes
    session = ort.InferenceSession(str(path), providers=[provider])
    return {"loads": session.get_providers()[0] == provider, "error": None}


def _windows() -> dict[str, Any]:
    """Load OpenCV, name the toolkit it shows windows with, and look for libGL."""
    import ctypes

    import cv2

    try:
        gui = cv2.currentUIFramework()
    except (AttributeError, cv2.error):  # built without windows
        gui = ""
    try:
        ctypes.CDLL("libGL.so.1")
        libgl = True
    except OSError:
        libgl = False
    return {"loads": True, "error": None, "gui": gui or None, "libgl": libgl if os.name == "posix" else None}


def _main(kind: str, *names: str) -> None:
    kinds: dict[str, Callable[..., dict[str, Any]]]
    kinds = {"runtime": _read_with, "provider": _open_provider, "cv2": _windows}
    try:
        answer = kinds[kind](*names)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the answer
        answer = {"loads": False, "error": " ".join(str(error).split())[:300] or type(error).__name__}
    sys.stdout.write("\n" + json.dumps(answer) + "\n")


if __name__ == "__main__":
    _main(*sys.argv[1:])
