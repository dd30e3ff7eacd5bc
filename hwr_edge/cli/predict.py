"""Read handwriting from pictures.

INPUT is a picture, a folder of pictures, a pattern such as 'scans/*.png', or - for a picture on stdin.
Results go to stdout, everything else to stderr. Exit code 3 says that some input could not be read; the
others have been read all the same.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hwr_edge.cli import complain
from hwr_edge.cli.output import Output, OutputError, Progress
from hwr_edge.errors import HwrError, ImageError

if TYPE_CHECKING:
    from hwr_edge.prediction import Prediction
    from hwr_edge.recognizer import Recognizer
    from hwr_edge.sources import Source
    from hwr_edge.visualise import Gallery

_PROGRESS_FROM = 4  # inputs; a bar for fewer would only flicker


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `hwr-edge predict`."""
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="pictures, folders, patterns, or - for stdin")
    add(
        "-m",
        "--model",
        default="latin62",
        metavar="NAME|PATH",
        help="latin62, digits, hangul or a file [latin62]",
    )
    add(
        "--layout",
        default="auto",
        choices=("auto", "char", "word", "page"),
        help="what is on the picture [auto]",
    )
    add(
        "--invert",
        default="auto",
        choices=("auto", "yes", "no"),
        help="yes: the ink is light, no: dark [auto]",
    )
    add(
        "--charset",
        metavar="SET",
        help='characters allowed: digits, upper, lower, letters, or such as "0-9A-F"',
    )
    add("--top-k", type=_at_least_one, default=5, metavar="N", help="alternatives listed per character [5]")
    add(
        "--min-confidence",
        type=_share,
        metavar="P",
        help="0-1: below it a reading is doubtful [the model's own]",
    )
    add("--runtime", default="auto", choices=_RUNTIMES, help="what the model runs in [auto]")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where the model runs [auto]")
    add(
        "--threads",
        type=_at_least_one,
        metavar="N",
        help="threads of the runtime and OpenCV [their own choice]",
    )
    add("--format", default="text", choices=("text", "json", "jsonl", "csv"), help="of the results [text]")
    add("-o", "--output", metavar="FILE", help="write the results there instead of to stdout")
    add("--save-vis", metavar="DIR", help="write pictures with boxes, labels and confidence there")
    add("-q", "--quiet", action="store_true", help="on stderr only errors")
    add("--no-progress", action="store_true", help="no progress bar")


# Repeated from hwr_edge.runtimes, which brings numpy: help must not. A test holds the two together.
_RUNTIMES = ("auto", "litert", "onnxruntime", "openvino", "opencv")


def run(args: argparse.Namespace) -> int:
    """Read all inputs; 3 where one of them could not be read, 1 where one failed in a way not foreseen."""
    from hwr_edge import Recognizer, sources

    if args.threads:
        import cv2

        cv2.setNumThreads(args.threads)
    with contextlib.nullcontext() if args.verbose or not sys.stderr else _hushed():
        recognizer = Recognizer(args.model, args.runtime, args.device, args.threads)
    options = (args.layout, args.charset, args.top_k, args.min_confidence, args.invert)
    recognizer.check(*options)
    gallery = _gallery(args.save_vis, recognizer)
    pictures = sources.expand(args.inputs)
    progress = Progress(
        len(pictures), len(pictures) >= _PROGRESS_FROM and not (args.quiet or args.no_progress)
    )
    code = 0
    with Output(args.format, args.output, len(pictures) > 1) as out:
        for source in pictures:
            progress.step(source.name)
            try:
                prediction = _read(recognizer, source, options, gallery)
            except (OutputError, BrokenPipeError):
                raise
            except Exception as error:  # noqa: BLE001 - one bad input must not lose the others
                progress.clear()
                code = _failed(out, source.name, error, args.verbose) if code != 1 else 1
                continue
            progress.clear()
            out.write(prediction)
            if not args.quiet:
                _remark(prediction)
    return code


@contextlib.contextmanager
def _hushed() -> Iterator[None]:
    """Keep libraries from greeting on the process's own stderr: LiteRT does, and has no switch for it."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _read(
    recognizer: "Recognizer", source: "Source", options: tuple[object, ...], gallery: "Gallery | None"
) -> "Prediction":
    if source.error:
        raise source.error
    picture = _stdin() if source.name == "-" else source.name
    prediction = replace(recognizer.predict(picture, *options), input=source.name)  # type: ignore[arg-type]
    if gallery:
        try:
            gallery.add(picture, prediction)
        except OSError as error:
            if isinstance(error, HwrError):
                raise
            raise OutputError(
                f"--save-vis cannot be written ({error.strerror}): give another folder"
            ) from None
    return prediction


def _stdin() -> bytes:
    data = sys.stdin.buffer.read()
    if not data:
        raise ImageError("-: stdin is empty: pipe a picture into it")
    return data


def _failed(out: Output, name: str, error: Exception, verbose: bool) -> int:
    from hwr_edge.prediction import SCHEMA

    if verbose:
        import traceback

        traceback.print_exc()
    out.fail(SCHEMA, name, error)
    if isinstance(error, HwrError):
        return complain(error, error.exit_code)
    return complain(f"{name}: unexpected {type(error).__name__}: {error} (--verbose shows where)", 1)


def _remark(prediction: "Prediction") -> None:
    """What a reader of the bare text would not know."""
    if prediction.rejected == "blank":
        print(f"{prediction.input}: blank, nothing is written there", file=sys.stderr)
    elif prediction.rejected:
        print(f"{prediction.input}: read with low confidence ({prediction.confidence:.2f})", file=sys.stderr)


def _gallery(folder: str | None, recognizer: "Recognizer") -> "Gallery | None":
    if folder is None:
        return None
    from hwr_edge.visualise import Gallery

    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made ({error.strerror}): give another --save-vis") from None
    spec = recognizer.spec
    return Gallery(Path(folder), dict(zip(spec.labels, spec.romanised, strict=False)))


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is below 1")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value
