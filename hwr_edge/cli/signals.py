"""Signals that ask a command to end."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_ENDING = ("SIGTERM", "SIGHUP")  # from `kill` and service managers, and from a terminal that is closed


@contextlib.contextmanager
def like_ctrl_c() -> Iterator[None]:
    """Let them end the command as Ctrl-C does, by KeyboardInterrupt, so that its files are finished.

    One that is ignored, as `nohup` has it, stays ignored. For the main thread only.
    """
    before = {}
    for name in _ENDING:
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            before[number] = signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
