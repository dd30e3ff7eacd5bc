"""List the bundled models, check them against their hashes, or print where one lies.

`hwr-edge models` lists them, `hwr-edge models verify` holds every file against its sha256, and
`hwr-edge models path NAME` prints the file that `--model NAME` opens on this machine.
"""

import argparse
import json
from pathlib import Path

from hwr_edge.cli import complain


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `hwr-edge models`."""
    parser.add_argument(
        "action", nargs="?", default="list", choices=("list", "verify", "path"), help="[list]"
    )
    parser.add_argument("name", nargs="?", help="the model, for path")
    parser.add_argument("--runtime", default="auto", help="the runtime it is for [auto]")
    parser.add_argument("--json", action="store_true", help="list as JSON")


def run(args: argparse.Namespace) -> int:
    """Do one of the three; a damaged file ends with exit code 6."""
    from hwr_edge import models

    if args.action == "path":
        if not args.name:
            return complain(f"name the model whose path you want: {', '.join(models.names())}", 2)
        print(models.find(args.name, args.runtime)[0])
    elif args.action == "verify":
        for path in _files():
            models.verify(path)
            print(f"{path.name}: ok")
    else:
        _list(args.json)
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
