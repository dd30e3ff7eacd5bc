"""`hwr-edge evaluate`: how well a model reads labelled pictures, or which of two reads better."""

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwr_edge.cli import options
from hwr_edge.cli.complaints import complain
from hwr_edge.cli.output import OutputError, Progress, check_file, check_folder

if TYPE_CHECKING:
    from hwr_edge.dataset import Labelled
    from hwr_edge.evaluation import Run
    from hwr_edge.recognizer import Recognizer

_Layout = StrEnum("_Layout", ["char", "word", "page"])
_Invert = StrEnum("_Invert", ["auto", "yes", "no"])
_Format = StrEnum("_Format", ["text", "json"])
_MOST_MODELS = 2
_CONFUSIONS = 15
_INTERRUPTED, _UNREADABLE = 130, 3


def run(
    data: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="folder or zip of pictures (A/1.png, or A_1.png), CSV or TSV of path,label, npz, or IDX",
        ),
    ],
    models: Annotated[
        list[str],
        typer.Option("-m", "--model", metavar="NAME|PATH", help="bundled name or file; twice to compare two"),
    ] = ["latin62"],  # noqa: B006 - typer copies it
    layout: Annotated[_Layout, typer.Option(help="what is on each picture")] = _Layout.char,
    invert: Annotated[_Invert, typer.Option(help="yes: the ink is light, no: dark")] = _Invert.auto,
    charset: Annotated[
        str | None, typer.Option(metavar="SET", help="characters allowed, as for predict")
    ] = None,
    names: Annotated[
        str | None,
        typer.Option(metavar="REGEX", help="only pictures whose name matches, such as a writer kept out"),
    ] = None,
    skip_unknown: Annotated[
        bool, typer.Option("--skip-unknown", help="leave out pictures of labels the model does not know")
    ] = False,
    runtime: options.Runtime = options.RuntimeName.auto,
    device: options.Device = options.DeviceName.auto,
    threads: options.Threads = None,
    form: Annotated[_Format, typer.Option("--format", help="of the figures on stdout")] = _Format.text,
    html: Annotated[
        str | None, typer.Option(metavar="FILE", help="write the report as one HTML file")
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="write figures, tables, confusion matrix and worst mistakes"
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="on stderr only errors")] = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="no progress bar")] = False,
    verbose: options.Verbose = False,
) -> int:
    """Measure how well a model reads labelled pictures.

    Accuracy with its 95 % interval, ignoring case and with look-alikes merged, top three, precision, recall
    and F1, calibration, every class and every confusion. With two models, whether one is better. Exit code
    3 says that some picture could not be read; 130 that it was interrupted, with figures of what was read.
    """
    import json

    from hwr_edge import evaluation
    from hwr_edge.evaluation.words import as_text

    if not 1 <= len(models) <= _MOST_MODELS:
        raise typer.BadParameter(
            f"give one model, or two to compare, not {len(models)}", param_hint="--model"
        )
    targets = _targets(html, output)
    recognizers = _open(models, runtime, device, threads, verbose)
    for recognizer in recognizers:
        recognizer.check(layout, charset, 1, None, invert)
    pictures, skipped = _known(data, recognizers, layout, charset, names, skip_unknown)
    progress = Progress(len(pictures), not (quiet or no_progress))
    wish = evaluation.Wish(layout.value, charset, invert.value)
    done = evaluation.read(pictures, recognizers, wish, skipped, progress.step)
    progress.clear()
    found = evaluation.report(done, data)
    # Before anything is printed: whoever reads our output may stop reading, which ends us there and then.
    _write(targets, done, found)
    for name, reason in done.unreadable:
        complain(f"{name}: {reason}", _UNREADABLE)
    print(json.dumps(found, ensure_ascii=False) if form == _Format.json else as_text(found, _CONFUSIONS))
    if not done.complete:
        return complain(f"interrupted after {len(done.pictures)} of {len(pictures)} pictures", _INTERRUPTED)
    return _UNREADABLE if done.unreadable else 0


def _targets(html: str | None, output: str | None) -> tuple[Path | None, Path | None]:
    """Where the reports go; that they can is found out before any work is done."""
    page, folder = (Path(text) if text else None for text in (html, output))
    if page:
        check_file(page, "--html")
    if folder:
        check_folder(folder, "--output")
    return page, folder


def _write(targets: tuple[Path | None, Path | None], done: "Run", found: dict[str, Any]) -> None:
    from hwr_edge.evaluation import files

    page, folder = targets
    try:
        if page:
            files.write_page(page, done, found)
        if folder:
            files.write_folder(folder, done, found)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"the report cannot be written ({reason}): give another place") from None


def _open(
    models: Sequence[str], runtime: str, device: str, threads: int | None, verbose: bool
) -> list["Recognizer"]:
    import contextlib

    from hwr_edge import Recognizer
    from hwr_edge.cli.predict import hushed

    if threads:
        import cv2

        cv2.setNumThreads(threads)
    with contextlib.nullcontext() if verbose or not sys.stderr else hushed():
        return [Recognizer(model, runtime, device, threads) for model in models]


def _known(
    data: str,
    recognizers: Sequence["Recognizer"],
    layout: str,
    charset: str | None,
    names: str | None,
    skip_unknown: bool,
) -> tuple[list["Labelled"], int]:
    """The pictures whose labels every model knows, and how many others there are.

    Raises:
        DataError: there are others and they are not to be skipped, or none is left.
    """
    from hwr_edge.dataset import Labels, read_labelled
    from hwr_edge.decode import allowed_labels
    from hwr_edge.errors import DataError

    spec = recognizers[0].spec
    found = read_labelled(Path(data), Labels(spec.labels, spec.romanised), names)
    if layout != "char":
        return found, 0
    known = set.intersection(*(set(allowed_labels(one.spec.labels, charset)[1]) for one in recognizers))
    kept = [one for one in found if one.label in known]
    if len(kept) < len(found) and not (skip_unknown and kept):
        strange = next(one for one in found if one.label not in known)
        raise DataError(
            f"{data}: {len(found) - len(kept)} of {len(found)} pictures have labels the model does not know, "
            f"the first is {strange.label!r} ({strange.name}): take another model or layout, or "
            "--skip-unknown"
        )
    return kept, len(found) - len(kept)
