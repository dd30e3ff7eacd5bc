"""A Keras model to the bytes of one form, and what its spec says of how they were made."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import onnx

from export import layers, quantise, to_onnx, to_tflite, versions
from export.job import Job
from export.layers import Layer
from export.parity import measure_in
from export.qat import Tuning, fine_tune
from export.samples import Samples
from export.source import Source
from export.to_onnx import Target
from hwr_edge.errors import DataError

_SQNR_IMAGES = 128
_RUNTIME = {"onnx": "onnxruntime", "tflite": "litert"}
_SCHEMES = {
    "none": "float32",
    "fp16": "float16 weights, float32 arithmetic",
    "dynamic": "int8 weights, activations rounded as they come",
    "int8": "int8 per channel, uint8 in, float softmax",
}


@dataclass(frozen=True)
class Converted:
    """A file's bytes, and how they came to be."""

    data: bytes
    about: dict[str, Any]


class Workshop:
    """One model with what its forms share: graphs, ranges, a fine-tuned twin; each made when first needed."""

    def __init__(self, source: Source, job: Job, calibration: Samples | None, held: Samples | None) -> None:
        self.source = source
        self._job = job
        self._calibration = calibration
        self._held = held

    def convert(self, form: str, kind: str) -> Converted:
        """The file of this form; calibration images are needed where `KINDS` says so."""
        if kind == "int8-qat":
            return self._fine_tuned(form)
        floats: list[Layer] = []
        if kind == "int8-mixed":
            floats = self._floats(form)
        data, ranges = (
            self._convert_onnx(kind, floats) if form == "onnx" else self._convert_tflite(kind, floats)
        )
        about: dict[str, Any] = {"kind": "float32" if kind == "none" else kind}
        about["scheme"] = _SCHEMES[kind.removesuffix("-mixed")]
        about |= self._versions(form, kind, data)
        if ranges:
            about["calibration"] = self._provenance | ranges
        if floats:
            about["float_layers"] = [{"name": layer.name, "sqnr": round(layer.sqnr, 1)} for layer in floats]
        return Converted(data, about)

    def layers(self, form: str) -> list[Layer]:
        """How much each layer of the int8 file loses."""
        images = self._images.balanced(_SQNR_IMAGES, self._job.seed)[0].images
        if form == "onnx":
            return layers.onnx_layers(self.source, self._static, images)
        return layers.tflite_layers(self.source, self._calibrated_tflite, images)

    def target(self, kind: str) -> Target:
        """The versions that an ONNX file of this kind is written in."""
        opset = self._job.opset or versions.lowest_opset(kind)
        return Target(opset, self._job.ir_version, self._job.batch)

    def _convert_onnx(self, kind: str, floats: Sequence[Layer]) -> tuple[bytes, dict[str, Any]]:
        target = self.target(kind)
        if kind.startswith("int8"):
            body = quantise.quantised(self._static, [node for layer in floats for node in layer.nodes])
            ranges = {"method": self._static.method, "accuracy_by_method": self._static.tried}
            return quantise.seal(body, self.source.scale, target), ranges
        if kind == "dynamic":
            return quantise.dynamic(self._whole, target), {}
        return to_onnx.finish(
            to_onnx.halve(self._whole) if kind == "fp16" else _copy(self._whole), target
        ), {}

    def _convert_tflite(self, kind: str, floats: Sequence[Layer]) -> tuple[bytes, dict[str, Any]]:
        batch = self._job.batch or 1
        if not kind.startswith("int8"):
            return to_tflite.to_tflite(self.source, kind, batch), {}
        nodes = [node for layer in floats for node in layer.nodes]
        calibrated = self._calibrated_tflite
        if batch != 1:
            calibrated = to_tflite.calibrate(self.source, self._images.images, batch)
        data = to_tflite.to_tflite_int8(calibrated, self.source.scale, nodes)
        return data, {"method": "minmax"}

    def _fine_tuned(self, form: str) -> Converted:
        twin, tuning = self._tuned
        made = twin.convert(form, "int8")
        return Converted(made.data, made.about | {"kind": "int8-qat", "fine_tuning": asdict(tuning)})

    def _floats(self, form: str) -> list[Layer]:
        """The fewest of the layers that lose most, doubled until int8 without them answers as Keras does.

        Training images decide: the ones that files are checked on choose nothing.
        """
        order = sorted(self.layers(form), key=lambda layer: layer.sqnr)
        convert: Callable[..., tuple[bytes, Any]]
        convert = self._convert_onnx if form == "onnx" else self._convert_tflite
        limits = self._job.limits_of("int8-mixed")
        held = self._held or self._images
        reference = self.source.probabilities(held.images)
        count = 1
        while True:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"mixed.{form}"
                path.write_bytes(convert("int8-mixed", order[:count])[0])
                result = measure_in(_RUNTIME[form], path, held, reference)
            enough = result.agreement >= limits.min_agreement and result.drop <= limits.max_drop
            if enough or 2 * count > len(order):
                return order[:count]
            count *= 2

    def _versions(self, form: str, kind: str, data: bytes) -> dict[str, Any]:
        if form == "tflite":
            return {"min_runtime": {"tensorflow-lite": to_tflite.floor(data)}}
        target = self.target(kind)
        return {
            "opset": target.opset,
            "ir_version": target.ir,
            "min_runtime": {"onnxruntime": versions.floor(target.opset, target.ir)},
        }

    @property
    def _images(self) -> Samples:
        if self._calibration is None:
            raise DataError("int8 needs training images for its ranges: give --calibration DATA")
        return self._calibration

    @property
    def _provenance(self) -> dict[str, Any]:
        images = self._images
        return {"data_sha256": images.sha256, "images": len(images), "seed": self._job.seed}

    @cached_property
    def _whole(self) -> onnx.ModelProto:
        return to_onnx.whole(self.source, self.target("none"))

    @cached_property
    def _static(self) -> quantise.Static:
        body = to_onnx.body(self.source, self.target("int8"))
        return quantise.calibrate(self.source, body, self._images, self._held or self._images)

    @cached_property
    def _calibrated_tflite(self) -> bytes:
        return to_tflite.calibrate(self.source, self._images.images)

    @cached_property
    def _tuned(self) -> tuple["Workshop", Tuning]:
        tuning = Tuning(seed=self._job.seed)
        tuned = fine_tune(self.source, self._images.images, tuning)
        return Workshop(tuned, self._job, self._calibration, self._held), tuning


def _copy(model: onnx.ModelProto) -> onnx.ModelProto:
    twin = onnx.ModelProto()
    twin.CopyFrom(model)
    return twin
