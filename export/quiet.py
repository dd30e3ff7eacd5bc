"""Converters write to stdout from C++; here stdout carries results only."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from hwr_edge.errors import HwrError


@contextmanager
def quiet() -> Iterator[TextIO]:
    """Hold back what is written to stdout and stderr; show it on stderr after an error that is not ours.

    Yields:
        stderr as it was, for a progress bar.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    kept = [os.dup(1), os.dup(2)]
    with tempfile.TemporaryFile() as log, os.fdopen(os.dup(2), "w") as stderr:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield stderr
        except HwrError:
            _restore(kept)
            raise
        except BaseException:
            _restore(kept)
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
        else:
            _restore(kept)


def _restore(kept: list[int]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    for number, handle in zip((1, 2), kept, strict=True):
        os.dup2(handle, number)
        os.close(handle)
