"""One export from end to end: convert, write the spec in, run, measure, and only then hand the file over."""

import dataclasses
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export import audit, parity, report
from export.convert import Workshop
from export.forms import KINDS, file_name
from export.job import FEWEST_TO_CALIBRATE, FEWEST_TO_CHECK, Job, Made
from export.layers import worst
from export.parity import Parity
from export.samples import Samples, read_samples
from export.source import Source, load
from hwr_edge.errors import CheckFailed, DataError, HwrError
from hwr_edge.modelfile import write_spec

_TOOLS = {
    "onnx": ("keras", "tensorflow", "tf2onnx", "onnxslim", "onnxruntime"),
    "tflite": ("keras", "tensorflow"),
}
_HELD = 1024  # training images that choose the calibration


def run(job: Job, tell: Callable[[str], None] = lambda name: None) -> list[Made]:
    """Make every file of `job`, and the report; they appear in its folder together, or none does.

    Args:
        job: what to make.
        tell: called with the name of each file before it is made.

    Raises:
        ModelFileError: the model cannot be read or converted.
        DataError: the images do not fit the model, or int8 was asked for without calibration images.
        CheckFailed: a file does not answer as Keras does, or is not what its name says.
        HwrError: a file cannot be written.
    """
    source = load(job.model)
    check = _check_images(job, source)
    calibration, held = _calibration(job, source, check)
    workshop = Workshop(source, job, calibration, held)
    reference = source.probabilities(check.images)
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".export-", dir=job.folder) as scratch:
            maker = _Maker(workshop, check, reference, job, Path(scratch), tell)
            made = [maker.make(form, kind) for form in job.formats for kind in job.quantisations]
            (Path(scratch) / report.NAME).write_text(report.as_json(made), encoding="utf-8")
            for path in Path(scratch).iterdir():
                path.replace(job.folder / path.name)
    except OSError as error:
        raise HwrError(f"cannot write to {job.folder}: {error.strerror or error}") from error
    return [dataclasses.replace(each, path=job.folder / each.path.name) for each in made]


@dataclasses.dataclass(frozen=True)
class _Maker:
    workshop: Workshop
    check: Samples
    reference: NDArray[np.float32]
    job: Job
    scratch: Path
    tell: Callable[[str], None]

    def make(self, form: str, kind: str) -> Made:
        """One file in `scratch` that passed its checks."""
        spec = self.workshop.source.spec
        path = self.scratch / file_name(spec.name, form, kind)
        self.tell(path.name)
        converted = self.workshop.convert(form, kind)
        path.write_bytes(converted.data)
        inside = audit.audit(path)
        results = parity.measure(path, self.check, self.reference)
        self._hold(path, form, kind, audit.faults(inside, kind), results)
        about = converted.about | {"tools": {name: version(name) for name in _TOOLS[form]}}
        metrics = {**spec.metrics, "export": {"data_sha256": self.check.sha256, **results[0].to_dict()}}
        cost = {"parameters": self.workshop.source.model.count_params(), "macs": inside.macs}
        architecture = {**spec.architecture, **{key: value for key, value in cost.items() if value}}
        write_spec(
            path,
            dataclasses.replace(spec, architecture=architecture, quantisation=about, metrics=metrics),
        )
        return Made(path, path.stat().st_size, kind, about, inside, results)

    def _hold(self, path: Path, form: str, kind: str, wrong: list[str], results: list[Parity]) -> None:
        """Raise unless the file is what its name says and answers as Keras does.

        Raises:
            CheckFailed: names the file, the runtime, the figures outside, and where int8 loses what it loses.
        """
        wrong = wrong + parity.faults(results, self.job.limits_of(kind))
        if not wrong:
            return
        message = f"{path.name} {'; '.join(wrong)}"
        if kind == "int8":
            message += (
                f". Layers that lose most, by SQNR: {worst(self.workshop.layers(form))}."
                " Try --quant int8-mixed (these stay float) or --quant int8-qat (fine-tuning)"
            )
        raise CheckFailed(message)


def _check_images(job: Job, source: Source) -> Samples:
    found = read_samples(job.check, source.spec)
    wanted = job.check_size or FEWEST_TO_CHECK
    if len(found) < wanted:
        raise DataError(
            f"{job.check} holds {len(found)} images, {wanted} are wanted to check on:"
            " give more, or say --check-size for fewer"
        )
    return found.balanced(job.check_size, job.seed)[0] if job.check_size else found


def _calibration(job: Job, source: Source, check: Samples) -> tuple[Samples | None, Samples | None]:
    """Training images that give ranges, and others that choose between ways of taking them, as far as given.

    None of them is an image that files are checked on.
    """
    if job.calibration is None or not any(KINDS[kind].calibrated for kind in job.quantisations):
        return None, None
    read = read_samples(job.calibration, source.spec)
    found = read.without(check)
    if len(found) < FEWEST_TO_CALIBRATE:
        besides = f", {len(found)} besides those of {job.check}" if len(found) < len(read) else ""
        raise DataError(
            f"{job.calibration} holds {len(read)} images{besides}: {FEWEST_TO_CALIBRATE} training images"
            " are needed to calibrate"
        )
    if np.ptp(found.images) == 0:
        raise DataError(f"{job.calibration}: every pixel is {found.images.max()}, there is nothing to see")
    chosen, others = found.balanced(job.calibration_size, job.seed)
    held = others.balanced(_HELD, job.seed)[0] if len(others) >= FEWEST_TO_CALIBRATE else None
    return chosen, held
