"""What an export says when it is done: a JSON file, a table, and the command to type next."""

import json
from typing import Any

from export.job import Made

NAME = "export_report.json"
_ROW = "{:28} {:>8} {:>12} {:8} {:12} {:>9} {:>9} {:>8} {:>7} {:>7} {:>15}"


def as_json(made: list[Made]) -> str:
    """Everything measured, `export_report.json`."""
    files = [
        {
            "file": each.path.name,
            "bytes": each.bytes,
            "kind": each.kind,
            "quantisation": each.quantisation,
            "audit": each.audit.to_dict(),
            "parity": [result.to_dict() for result in each.parity],
        }
        for each in made
    ]
    return json.dumps({"schema": "hwr-edge/export/2", "files": files}, indent=2) + "\n"


def as_text(made: list[Made]) -> str:
    """The table, a line a file and runtime, and below it what the files need."""
    head = (
        "file",
        "KB",
        "weights",
        "layers",
        "runtime",
        "max diff",
        "mean diff",
        "agree %",
        "keras %",
        "file %",
    )
    lines = [_ROW.format(*head, "drop, 95 %")]
    for each in made:
        first = (each.path.name, f"{each.bytes / 1000:.1f}", _most(each.audit.weight_bytes), _layers(each))
        for one in each.parity:
            shares = [f"{100 * share:.2f}" for share in (one.agreement, one.accuracy_keras, one.accuracy)]
            low, high = one.drop_interval
            drop = f"{one.drop:.2f} ({low:.1f}-{high:.1f})"
            lines.append(
                _ROW.format(*first, one.runtime, f"{one.max_diff:.2g}", f"{one.mean_diff:.2g}", *shares, drop)
            )
            first = ("", "", "", "")
    return "\n".join([*lines, "", *(_needs(each) for each in made)])


def next_command(made: list[Made]) -> str:
    """What to type next: read with the last file, which is the smallest kind asked for."""
    return f"next: hwr-edge predict --model {made[-1].path} PICTURE"


def _needs(each: Made) -> str:
    about = each.quantisation
    name, release = next(iter(about["min_runtime"].items()))
    parts = [f"needs {name} {release} or newer"]
    if "opset" in about:
        parts.append(f"opset {about['opset']}, IR {about['ir_version']}")
    work = f"{each.audit.macs:,} multiplications" if each.audit.macs else ""
    parts += [part for part in (f"{each.audit.parameters:,} parameters", work) if part]
    if "calibration" in about:
        parts.append(f"ranges by {about['calibration']['method']}")
    if "float_layers" in about:
        parts.append("float: " + ", ".join(layer["name"] for layer in about["float_layers"]))
    return f"{each.path.name}: {'; '.join(parts)}"


def _most(weight_bytes: dict[str, int]) -> str:
    """The dtype of most of the weights, and its share of their bytes: "int8 93%"."""
    if not weight_bytes:
        return "-"
    dtype = max(weight_bytes, key=lambda name: weight_bytes[name])
    return f"{dtype} {weight_bytes[dtype] / sum(weight_bytes.values()):.0%}"


def _layers(each: Made) -> str:
    counts: dict[str, Any] = {dtype: sum(found.values()) for dtype, found in each.audit.arithmetic.items()}
    return f"{counts.get('int8', 0)}i {counts.get('float32', 0)}f"
