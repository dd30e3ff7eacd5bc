"""How every script here writes what it measured."""

import json
from pathlib import Path

from hwr_edge.modelfile import write_atomic


def write_results(path: Path, content: object) -> None:
    """JSON, whole or not at all."""
    write_atomic(path, (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode())
