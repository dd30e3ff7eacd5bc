"""`python -m export MODEL.keras -o DIR`: ONNX and TFLite files, measured against Keras on real images."""

import json
import logging
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from export.quiet import quiet
from hwr_edge.errors import HwrError
from hwr_edge.modelfile import read_spec, write_atomic

if TYPE_CHECKING:
    from export.run import Made

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_FORMATS = ("onnx", "tflite")
_QUANTISATIONS = ("none", "int8")


@app.command()
def export(  # noqa: PLR0913 - an option is an argument
    model: Annotated[Path, typer.Argument(help="A .keras file made by `python -m train`.")],
    check: Annotated[Path, typer.Option(help="Real images (.npz: images, labels) to measure every file on.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")] = Path("."),
    to: Annotated[str, typer.Option(help="Of onnx,tflite.")] = "onnx,tflite",
    quant: Annotated[str, typer.Option(help="Of none,int8.")] = "none,int8",
    calibration: Annotated[Path | None, typer.Option(help="Training images (.npz) for int8 ranges.")] = None,
    calibration_size: Annotated[int, typer.Option(min=64, help="How many, classes balanced.")] = 512,
    seed: Annotated[int, typer.Option(help="Which of them.")] = 0,
    min_agreement: Annotated[
        float, typer.Option(min=0, max=1, help="Share of images on which int8 must answer as Keras does.")
    ] = 0.99,
    max_drop: Annotated[
        float, typer.Option(min=0, help="Accuracy int8 may lose, in points of a hundred.")
    ] = 0.5,
) -> None:
    """Write MODEL as ONNX and TFLite, each file run and measured before it is handed over."""
    formats, quantisations = _choices("--to", to, _FORMATS), _choices("--quant", quant, _QUANTISATIONS)
    if "int8" in quantisations and calibration is None:
        raise typer.BadParameter("int8 takes its ranges from training images", param_hint="--calibration")
    read_spec(model)  # refused before the libraries are loaded, which takes seconds
    _silence()
    with quiet():
        from export.parity import Limits  # the libraries behind these take seconds to load
        from export.run import Job, run

        made = run(
            Job(
                model=model,
                folder=output,
                formats=formats,
                quantisations=quantisations,
                check=check,
                calibration=calibration,
                calibration_size=calibration_size,
                seed=seed,
                int8=Limits(1.0, min_agreement, max_drop),
            )
        )
    write_atomic(output / "export_report.json", _report(made).encode())
    print(_table(made))
    print(f"next: hwr-edge predict --model {made[-1].path} PICTURE")


def main() -> None:
    """Run, and turn our own errors into a line on stderr and their exit code."""
    try:
        app()
    except HwrError as error:
        print(f"export: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _choices(option: str, text: str, allowed: tuple[str, ...]) -> list[str]:
    chosen = list(dict.fromkeys(part.strip() for part in text.split(",")))
    wrong = [part for part in chosen if part not in allowed]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not one of {', '.join(allowed)}", param_hint=option)
    return chosen


def _silence() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the converters read its graphs only
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # for a model this small the CPU is quicker
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


def _report(made: "list[Made]") -> str:
    files = [
        {
            "file": each.path.name,
            "bytes": each.bytes,
            "quantisation": each.quantisation,
            "parity": [result.to_dict() for result in each.parity],
        }
        for each in made
    ]
    return json.dumps({"schema": "hwr-edge/export/1", "files": files}, indent=2) + "\n"


def _table(made: "list[Made]") -> str:
    row = "{:28} {:>7} {:12} {:>12} {:>8} {:>8} {:>8}"
    lines = [row.format("file", "KB", "runtime", "largest diff", "agree %", "keras %", "file %")]
    for each in made:
        for one in each.parity:
            shares = [f"{100 * share:.2f}" for share in (one.agreement, one.accuracy_keras, one.accuracy)]
            size = f"{each.bytes / 1000:.1f}"
            lines.append(row.format(each.path.name, size, one.runtime, f"{one.max_diff:.2g}", *shares))
    return "\n".join(lines)


if __name__ == "__main__":
    main()
