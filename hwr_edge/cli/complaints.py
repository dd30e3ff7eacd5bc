"""How the command line says that something went wrong."""

import sys
from collections.abc import Mapping

PROG = "hwr-edge"


def complain(message: object, code: int) -> int:
    """Say what went wrong in one line on stderr, and hand back the exit code."""
    print(f"{PROG}: error: {' '.join(str(message).split())}", file=sys.stderr)
    return code


def trace(state: Mapping[str, object]) -> bool:
    """Print the traceback of the error being handled where --verbose asked for it, and say whether."""
    verbose = bool(state.get("verbose"))
    if verbose:
        import traceback

        traceback.print_exc()
    return verbose
