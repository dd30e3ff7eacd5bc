"""One export from end to end: convert, write the spec in, run, measure, and only then hand the file over."""

import dataclasses
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.parity import FLOAT, INT8, Limits, Parity, hold, measure
from export.quantise import quantise_onnx
from export.source import Samples, Source, load, samples
from export.to_onnx import IR_VERSION, MANTISSA_BITS, OPSET, to_onnx
from export.to_tflite import to_tflite, to_tflite_int8
from hwr_edge.errors import DataError
from hwr_edge.modelfile import write_spec

FORMATS = ("onnx", "tflite")
QUANTISATIONS = ("none", "int8")
_FEWEST = 64  # images to calibrate on
_TOOLS = {
    "onnx": ("keras", "tensorflow", "tf2onnx", "onnxslim", "onnxruntime"),
    "tflite": ("keras", "tensorflow"),
}


@dataclass(frozen=True)
class Job:
    """What to make.

    Attributes:
        model: the `.keras` file.
        folder: where the files go.
        formats, quantisations: of FORMATS and QUANTISATIONS; every pair is made.
        check: `.npz` of real images that every file is measured on.
        calibration: `.npz` of training images for int8.
        calibration_size: how many of them, the classes balanced.
        seed: which of them.
        int8: what an int8 file is held to.
    """

    model: Path
    folder: Path
    formats: Sequence[str]
    quantisations: Sequence[str]
    check: Path
    calibration: Path | None = None
    calibration_size: int = 512
    seed: int = 0
    int8: Limits = INT8


@dataclass(frozen=True)
class Made:
    """A file that passed, and how it did in each runtime."""

    path: Path
    bytes: int
    quantisation: dict[str, Any]
    parity: list[Parity]


def run(job: Job) -> list[Made]:
    """Make every file of `job`; they appear in its folder together, or none does.

    Raises:
        ModelFileError: the model cannot be read or converted.
        DataError: the images do not fit the model, or int8 was asked for without calibration images.
        CheckFailed: a file does not answer as Keras does.
    """
    source = load(job.model)
    check = samples(job.check, source.spec)
    ready = _Ready(source, _calibration(job, source), check, source.probabilities(check.images), job)
    job.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".export-", dir=job.folder) as scratch:
        pairs = [(form, kind) for form in job.formats for kind in job.quantisations]
        made = [_make(ready, Path(scratch), form, kind) for form, kind in pairs]
        for each in made:
            each.path.replace(job.folder / each.path.name)
    return [dataclasses.replace(each, path=job.folder / each.path.name) for each in made]


@dataclass(frozen=True)
class _Ready:
    source: Source
    calibration: Samples | None
    check: Samples
    reference: NDArray[np.float32]
    job: Job


def _make(ready: _Ready, scratch: Path, form: str, kind: str) -> Made:
    spec = ready.source.spec
    path = scratch / f"{spec.name}{'.int8' if kind == 'int8' else ''}.{form}"
    data, quantisation = _convert(ready, form, kind)
    path.write_bytes(data)
    results = measure(path, ready.check, ready.reference)
    hold(path, results, ready.job.int8 if kind == "int8" else FLOAT)
    quantisation["tools"] = {name: version(name) for name in _TOOLS[form]}
    metrics = {**spec.metrics, "export": {"data_sha256": ready.check.sha256, **results[0].to_dict()}}
    write_spec(path, dataclasses.replace(spec, quantisation=quantisation, metrics=metrics))
    return Made(path, path.stat().st_size, quantisation, results)


def _convert(ready: _Ready, form: str, kind: str) -> tuple[bytes, dict[str, Any]]:
    """The file's bytes, and what its spec says of how they were made."""
    about: dict[str, Any] = {"kind": "float32" if kind == "none" else kind}
    if form == "onnx":
        about |= {"opset": OPSET, "ir_version": IR_VERSION}
    if kind == "none":
        about |= {"mantissa_bits": MANTISSA_BITS} if form == "onnx" else {}
        return (to_onnx if form == "onnx" else to_tflite)(ready.source), about
    calibration = ready.calibration
    if calibration is None:
        raise DataError("int8 needs training images for its ranges: give --calibration DATA.npz")
    about["calibration"] = {
        "data_sha256": calibration.sha256,
        "images": len(calibration.labels),
        "seed": ready.job.seed,
        "method": "minmax",
    }
    if form == "tflite":
        about["scheme"] = "full int8 per channel, uint8 in, float softmax"
        return to_tflite_int8(ready.source, calibration.images), about
    quantised = quantise_onnx(ready.source, calibration)
    about["scheme"] = "static QDQ U8S8 per channel, uint8 in, float softmax"
    about["calibration"] |= {"method": quantised.method, "agreement_by_method": quantised.tried}
    return quantised.data, about


def _calibration(job: Job, source: Source) -> Samples | None:
    if "int8" not in job.quantisations or job.calibration is None:
        return None
    found = samples(job.calibration, source.spec)
    if found.sha256 == samples(job.check, source.spec).sha256:
        raise DataError(f"{job.calibration} is the file to check on: calibrate on training images")
    if len(found.labels) < _FEWEST:
        raise DataError(
            f"{job.calibration} holds {len(found.labels)} images, {_FEWEST} are needed to calibrate"
        )
    return found.balanced(job.calibration_size, job.seed)
