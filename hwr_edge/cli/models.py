"""`hwr-edge models`: which models are bundled, whether they are whole, and where they lie."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from hwr_edge.cli import options
from hwr_edge.cli.complaints import complain

_Action = StrEnum("_Action", ["list", "verify", "path"])


def run(
    action: Annotated[_Action, typer.Argument(help="what to do")] = _Action.list,
    name: Annotated[str | None, typer.Argument(help="the model, for path")] = None,
    runtime: Annotated[str, typer.Option(help="the runtime it is for")] = "auto",
    as_json: Annotated[bool, typer.Option("--json", help="list as JSON")] = False,
    verbose: options.Verbose = False,
) -> int:
    """List, check or locate the bundled models.

    `hwr-edge models` lists them, `hwr-edge models verify` holds every file against its sha256, and
    `hwr-edge models path NAME` prints the file that `--model NAME` opens on this machine.
    """
    from hwr_edge import models

    if action == _Action.path:
        if not name:
            return complain(f"name the model whose path you want: {', '.join(models.names())}", 2)
        print(models.find(name, runtime)[0])
    elif action == _Action.verify:
        for path in _files():
            models.verify(path)
            print(f"{path.name}: ok")
    else:
        _list(as_json)
    return 0


def _files() -> list[Path]:
    from hwr_edge import models

    return sorted(path for path in models.FOLDER.iterdir() if path.suffix in (".onnx", ".tflite"))


def _list(as_json: bool) -> None:
    from hwr_edge import modelfile

    rows = []
    for path in _files():
        spec = modelfile.read_spec(path)
        rows.append(
            {
                "name": spec.name,
                "file": path.name,
                "bytes": path.stat().st_size,
                "labels": len(spec.labels),
                "sha256": modelfile.sha256(path),
            }
        )
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    for row in rows:
        name, file, size, labels, digest = row.values()
        print(f"{name:<10}{file:<24}{size:>9,} bytes {labels:>4} labels  sha256 {str(digest)[:12]}")
