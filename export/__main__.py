"""`python -m export MODEL.keras -o DIR`: ONNX and TFLite files, measured against Keras on real images."""

import logging
import os
import sys
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from export import verbs
from export.forms import ALL, FORMATS, KINDS, Limits, is_float
from export.quiet import quiet
from hwr_edge.cli import claim as claims
from hwr_edge.cli.output import Progress
from hwr_edge.errors import HwrError
from hwr_edge.labels import read_labels
from hwr_edge.modelfile import read_spec

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
_KIND_HELP = "Of " + "; ".join(f"{name}: {kind.about}" for name, kind in KINDS.items()) + "."


@app.command()
def export(  # noqa: PLR0913 - an option is an argument
    model: Annotated[Path, typer.Argument(help="A .keras file made by `python -m train`.")],
    check: Annotated[
        Path,
        typer.Option(
            help="Real images to measure every file on: .npz (images, labels) or labelled pictures."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")] = Path("."),
    to: Annotated[
        str, typer.Option(help="Of onnx,tflite,c; c is C source of the int8 TFLite.")
    ] = "onnx,tflite",
    quant: Annotated[str, typer.Option(help=_KIND_HELP)] = "none,int8",
    every: Annotated[bool, typer.Option("--all", help=f"Short for --quant {','.join(ALL)}.")] = False,
    calibration: Annotated[
        Path | None, typer.Option(help="Training images for int8, of the same kinds as --check.")
    ] = None,
    calibration_size: Annotated[int, typer.Option(min=64, help="How many, classes balanced.")] = 512,
    check_size: Annotated[
        int | None, typer.Option(min=1, help="How many to check on; all by default, at least 500.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Which of them, and of fine-tuning.")] = 0,
    opset: Annotated[
        int | None, typer.Option(help="Of ONNX files; the lowest that serves by default.")
    ] = None,
    ir_version: Annotated[int | None, typer.Option(help="Of ONNX files; the lowest by default.")] = None,
    batch: Annotated[
        str, typer.Option(help="Images at once, or dynamic: free in ONNX, 1 and resizable in TFLite.")
    ] = "dynamic",
    atol: Annotated[
        float | None,
        typer.Option(min=0, help="Largest difference of a probability in float forms; 1e-4, fp16 1e-2."),
    ] = None,
    min_agreement: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of images on which int8 must answer as Keras does; 0.99."),
    ] = None,
    max_drop: Annotated[
        float | None, typer.Option(min=0, help="Accuracy int8 may lose, in points of a hundred; 0.5.")
    ] = None,
    labels: claims.Labels = None,
    name: claims.Name = None,
    input_size: claims.Size = None,
    ink: claims.Ink = claims.LIGHT,
    fit: claims.Fit = claims.CONTAIN,
    margin: claims.Margin = claims.MARGIN,
    scale: claims.Scale = None,
    mean: claims.Mean = None,
    std: claims.Std = None,
    logits: claims.Logits = False,
    licence: claims.Licence = "",
) -> None:
    """Write MODEL as ONNX and TFLite, each file run and measured before it is handed over.

    A Keras model that was not made here is described with --labels and the options from there on. To put
    exported files into a bundle or into C source: python -m export bundle --help, python -m export c --help.
    """
    formats = _choices("--to", to, (*FORMATS, verbs.C))
    kinds = list(ALL) if every else _choices("--quant", quant, tuple(KINDS))
    to_c = verbs.C in formats
    if to_c:
        formats, kinds = verbs.with_c(formats, kinds)
    wanted = [kind for kind in kinds if KINDS[kind].calibrated]
    if wanted and calibration is None:
        raise typer.BadParameter(
            f"{wanted[0]} takes its ranges from training images", param_hint="--calibration"
        )
    images_at_once = _batch(batch)
    if "onnx" in formats:
        _check_versions(kinds, opset, ir_version)
    theirs = None
    if labels is None:
        read_spec(model)  # refused before the libraries are loaded, which takes seconds
    else:
        words, scaling = read_labels(labels), (scale, mean, std)
        theirs = claims.claim(model, words, name, input_size, ink, fit, margin, scaling, logits, licence)
    _silence()
    with quiet() as stderr, tempfile.TemporaryDirectory() as scratch:
        from export import report  # the libraries behind these take seconds to load
        from export.job import Job
        from export.run import run

        if theirs:
            from export.foreign import adopt

            model = adopt(model, theirs, Path(scratch), check)
        job = Job(
            model=model,
            folder=output,
            formats=formats,
            quantisations=kinds,
            check=check,
            check_size=check_size,
            calibration=calibration,
            calibration_size=calibration_size,
            seed=seed,
            opset=opset,
            ir_version=ir_version,
            batch=images_at_once,
            limits={kind: _limits(kind, atol, min_agreement, max_drop) for kind in kinds},
        )
        bar = Progress(len(formats) * len(kinds), wanted=True, stream=stderr)
        try:
            made = run(job, bar.step)
        finally:
            bar.clear()
        if to_c:
            verbs.write_c([one.path for one in made], output)
    print(report.as_text(made))
    print(report.next_command(made))


def main() -> None:
    """Run, and turn our own errors into a line on stderr and their exit code."""
    try:
        (verbs.app if sys.argv[1:2] and sys.argv[1] in verbs.NAMES else app)()
    except HwrError as error:
        print(f"export: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


def _choices(option: str, text: str, allowed: tuple[str, ...]) -> list[str]:
    chosen = list(dict.fromkeys(part.strip() for part in text.split(",")))
    wrong = [part for part in chosen if part not in allowed]
    if wrong:
        raise typer.BadParameter(f"{wrong[0]!r} is not one of {', '.join(allowed)}", param_hint=option)
    return chosen


def _batch(text: str) -> int | None:
    if text == "dynamic":
        return None
    if not text.isdecimal() or not int(text):
        raise typer.BadParameter(f"{text!r} is neither a number above 0 nor dynamic", param_hint="--batch")
    return int(text)


def _limits(kind: str, atol: float | None, min_agreement: float | None, max_drop: float | None) -> Limits:
    limits = KINDS[kind].limits
    if is_float(kind):
        return limits if atol is None else replace(limits, max_diff=atol)
    return replace(
        limits,
        min_agreement=limits.min_agreement if min_agreement is None else min_agreement,
        max_drop=limits.max_drop if max_drop is None else max_drop,
    )


def _check_versions(kinds: list[str], opset: int | None, ir_version: int | None) -> None:
    from export.versions import IR_VERSIONS, OPSETS, lowest_ir, lowest_opset

    lowest = max(lowest_opset(kind) for kind in kinds)
    if opset is not None and not lowest <= opset <= OPSETS[-1]:
        raise typer.BadParameter(
            f"{opset} is not between {lowest}, the first that serves for --quant {','.join(kinds)},"
            f" and {OPSETS[-1]}, the last that the converter writes",
            param_hint="--opset",
        )
    least = lowest_ir(opset or lowest)
    if ir_version is not None and not least <= ir_version <= IR_VERSIONS[-1]:
        raise typer.BadParameter(
            f"{ir_version} is not between {least}, the first that may name opset {opset or lowest},"
            f" and {IR_VERSIONS[-1]}",
            param_hint="--ir-version",
        )


def _silence() -> None:
    os.environ["KERAS_BACKEND"] = "tensorflow"  # the converters read its graphs only
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # for a model this small the CPU is quicker
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)


if __name__ == "__main__":
    main()
