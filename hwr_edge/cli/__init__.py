"""The command line: one small file a verb; this one chooses the verb and turns errors into exit codes.

A verb's file has a docstring (its help), `add_arguments(parser)` and `run(args) -> exit code`. It imports
numpy, OpenCV and the runtimes inside `run` only. argparse rather than a framework: the whole of
`hwr-edge predict` may take 1.4 times as long as starting OpenCV and a runtime, and typer with what it
imports takes longer than both.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from hwr_edge.errors import HwrError

PROG = "hwr-edge"
VERBS = {
    "predict": "read handwriting from pictures",
    "models": "list, check or locate the bundled models",
    "inspect": "show what a model file says about itself",
    "version": "print the versions of hwr-edge and of what it uses",
}
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code, see `hwr_edge.errors`; 0 is success, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    _speak_utf8()
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if words else 2
    verb = "version" if words[0] in ("-V", "--version") else words[0]
    if verb not in VERBS:
        return complain(f"no command {verb!r}{_guess(verb)}: see {PROG} --help", 2)
    try:
        return _run(verb, words[1:])
    except SystemExit as stop:  # how argparse ends: --help, or a usage error it has printed
        return stop.code if isinstance(stop.code, int) else 1


def overview() -> str:
    """The help of `hwr-edge` itself."""
    lines = "\n".join(f"  {name:<10}{text}" for name, text in VERBS.items())
    return f"""usage: {PROG} COMMAND ...

Reads handwritten characters from pictures, offline.

commands:
{lines}

`{PROG} COMMAND --help` explains one of them."""


def complain(message: object, code: int) -> int:
    """Say what went wrong in one line on stderr, and hand back the exit code."""
    print(f"{PROG}: error: {' '.join(str(message).split())}", file=sys.stderr)
    return code


def _run(verb: str, words: list[str]) -> int:
    # OpenCV and libraries below it report a bad file on stderr themselves; ours is the one line that counts.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    verbose = False
    try:
        module = importlib.import_module(f"{__name__}.{verb}")
        parser = _Parser(f"{PROG} {verb}", module.__doc__ or "")
        module.add_arguments(parser)
        parser.add_argument("-v", "--verbose", action="store_true", help="show the traceback of an error")
        args = parser.parse_intermixed_args(words)
        verbose = args.verbose
        code: int = module.run(args)
        sys.stdout.flush()
        return code
    except HwrError as error:
        _trace(verbose)
        return complain(error, error.exit_code)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # noqa: BLE001 - the last line of defence: no traceback reaches a user unasked
        _trace(verbose)
        hint = "" if verbose else " (--verbose shows where)"
        return complain(f"unexpected {type(error).__name__}: {error}{hint}", 1)


def _trace(verbose: bool) -> None:
    if verbose:
        import traceback

        traceback.print_exc()


def _guess(verb: str) -> str:
    import difflib

    close = difflib.get_close_matches(verb, VERBS, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _speak_utf8() -> None:
    """Labels may be Hangul whatever the locale; what cannot be encoded is escaped, never a crash."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


class _Parser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line."""

    def __init__(self, prog: str, description: str) -> None:
        super().__init__(
            prog=prog,
            description=description,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        raise SystemExit(complain(f"{message}: see {self.prog} --help", 2))
