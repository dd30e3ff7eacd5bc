"""What is inside an exported file, and whether it is what its name says."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.forms import KINDS
from hwr_edge import macs
from hwr_edge.anatomy import dissect
from hwr_edge.arithmetic import arithmetic

_LAYERS = (
    *("Conv", "ConvInteger", "Gemm", "MatMul", "MatMulInteger"),
    *("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"),
)
_PARTLY = ("int8-mixed", "dynamic")  # TFLite leaves kernels of fewer than 1,024 weights in float
# Unsigned bytes are the weights of ONNX's dynamic form; int32 are the biases of int8 layers.
_COUNTS_AS = {"uint8": "int8", "int32": "int8"}


@dataclass(frozen=True)
class Audit:
    """Counted from the file alone.

    Attributes:
        format: with the versions that its reader must know.
        operators: how often each occurs.
        arithmetic: the same by the dtype they compute in, conversions left out.
        weight_bytes: bytes of constants by dtype.
        parameters: weights and biases.
        macs: multiply-accumulates for one image; None where an operator's cost is not known.
    """

    format: str
    operators: dict[str, int]
    arithmetic: dict[str, dict[str, int]]
    weight_bytes: dict[str, int]
    parameters: int
    macs: int | None

    def to_dict(self) -> dict[str, Any]:
        """The fields."""
        return dataclasses.asdict(self)


def audit(path: Path) -> Audit:
    """Look into `path`, a .onnx or .tflite file."""
    inside, work = dissect(path), macs.count(path)
    assert work is not None, "only a .keras file has no count"
    batch = inside.inputs[0].shape[0]
    each = work.macs // batch if work.macs and isinstance(batch, int) else work.macs
    return Audit(
        inside.format, inside.operators, arithmetic(path), inside.weight_bytes, work.parameters, each
    )


def faults(found: Audit, kind: str) -> list[str]:
    """What of the file is not of its kind; nothing where it is."""
    wanted = KINDS[kind].weights
    held = {dtype: size for dtype, size in found.weight_bytes.items() if dtype != "int64"}  # shapes
    mine = sum(size for dtype, size in held.items() if wanted in (dtype, _COUNTS_AS.get(dtype)))
    missed = []
    if 2 * mine < sum(held.values()) and kind not in _PARTLY:
        sizes = ", ".join(f"{dtype} {size:,} bytes" for dtype, size in held.items())
        missed.append(f"most of its weights are not {wanted}: {sizes}")
    floats = _layers(found, "float32")
    if kind in ("int8", "int8-qat") and floats:
        missed.append(f"{floats} of its layers compute in float32")
    if kind in _PARTLY and not _layers(found, "int8"):
        missed.append("none of its layers computes in int8")
    return missed


def _layers(found: Audit, dtype: str) -> int:
    return sum(count for name, count in found.arithmetic.get(dtype, {}).items() if name in _LAYERS)
