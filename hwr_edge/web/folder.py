"""The page as a folder for any static host: the model runs in the browser, by onnxruntime-web."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hwr_edge import lookalikes, modelfile, models
from hwr_edge.errors import HwrError, ModelFileError, RuntimeMissingError
from hwr_edge.web.charsets import charsets

HERE = Path(__file__).parent

# Tried with this version; npm holds what it fetches against the registry, and we hold it against this.
PACKAGE = "onnxruntime-web@1.30.0"
SHA512 = (
    "ab4cbe26baedba45d2cec05610c71c55fa97db92d19a8b171c5f8269126683ca"
    "590a5cdc57bb2f35ce2b298de32f4d956fb42644c0ecd528a0a91e025c07ca61"
)
_FILES = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
_FETCH_SECONDS = 300

# As the server's, but inside the page, since a static host sends no headers of ours; and with WebAssembly.
_POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'"
)
_HEAD = '<meta charset="utf-8">\n'


class FolderError(HwrError, OSError):
    """The folder for the page cannot be written, or holds something already."""

    exit_code = 2


def write(out: str | Path, names: Sequence[str] = (), precision: str = "fp32") -> Path:
    """Write the page, the models and onnxruntime-web into a folder that appears whole or not at all.

    Args:
        out: a folder that does not exist or is empty.
        names: bundled models or paths of .onnx files, the first being the default; none for all bundled.
        precision: "fp32" or "int8", the form of the bundled models.

    Returns:
        The folder.

    Raises:
        FolderError: `out` cannot be written or is not empty.
        ModelFileError: a model is unknown, or no ONNX file.
        RuntimeMissingError: npm is missing, or cannot fetch onnxruntime-web.
    """
    out = Path(out).resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FolderError(f"{out} is there already and not empty: give another folder")
    files = [_model_file(name, precision) for name in names or _bundled()]
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
            made = Path(scratch) / "page"
            _page(made)
            _models(made / "models", files)
            _runtime(made / "assets" / "ort", Path(scratch))
            os.chmod(made, 0o755)
            if out.exists():
                out.rmdir()
            made.rename(out)
    except HwrError:
        raise
    except OSError as error:
        raise FolderError(
            f"{out} cannot be written ({error.strerror or error}): give another folder"
        ) from None
    return out


def _bundled() -> list[str]:
    """The bundled models, the usual default first."""
    return sorted(models.names(), key=lambda name: name != "latin62")


def _model_file(name: str, precision: str) -> Path:
    suffix = {"fp32": ".onnx", "int8": ".int8.onnx"}[precision]
    path, _ = models.find(name + suffix if name in models.names() else name)
    if path.suffix != ".onnx":
        raise ModelFileError(f"{path} does not run in the browser: give an .onnx file")
    return path


def _page(out: Path) -> None:
    shutil.copytree(HERE / "page", out)
    for source in (HERE / "browser").glob("*.js"):
        shutil.copy(source, out / "assets" / source.name)
    index = out / "index.html"
    policy = f'  <meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    index.write_text(index.read_text(encoding="utf-8").replace(_HEAD, _HEAD + policy, 1), encoding="utf-8")


def _models(out: Path, files: Sequence[Path]) -> None:
    out.mkdir()
    rows = []
    for path in files:
        shutil.copy(path, out / path.name)
        rows.append(_row(path))
    catalogue = {"default": rows[0]["name"], "models": rows}
    (out / "models.json").write_text(json.dumps(catalogue, ensure_ascii=False, indent=1), encoding="utf-8")


def _row(path: Path) -> dict[str, Any]:
    """What the page must know of a model; the browser has no reader of its metadata."""
    spec = modelfile.read_spec(path)
    named = charsets(spec.labels)
    return {
        "name": spec.name,
        "file": path.name,
        "sha256": modelfile.sha256(path),
        "labels": spec.labels,
        "romanised": spec.romanised,
        "charsets": list(named),
        "named": named,
        "lookalikes": lookalikes.GROUPS,
        "input": vars(spec.input),
        "temperature": spec.temperature,
        "reject_below": spec.reject_below,
        "licence": spec.licence,
    }


def _runtime(out: Path, scratch: Path) -> None:
    """Fetch onnxruntime-web by npm and take the two files that the page needs."""
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeMissingError(
            "npm is not installed: it fetches onnxruntime-web; install Node.js, which has it"
        )
    command = [npm, "pack", PACKAGE, "--silent", "--ignore-scripts", "--pack-destination", str(scratch)]
    try:
        done = subprocess.run(
            command, cwd=scratch, capture_output=True, text=True, timeout=_FETCH_SECONDS, check=False
        )
        reason = done.stderr if done.returncode else ""
    except subprocess.TimeoutExpired:
        reason = f"no end after {_FETCH_SECONDS} s"
    packed = next(scratch.glob("*.tgz"), None)
    if packed is None:
        said = " ".join(reason.split())[-200:] or "it wrote no file"
        raise RuntimeMissingError(
            f"npm could not fetch {PACKAGE} ({said}): check the network and npm's registry"
        )
    if hashlib.sha512(packed.read_bytes()).hexdigest() != SHA512:
        raise RuntimeMissingError(
            f"npm fetched another {PACKAGE} than the one known here: check npm's registry"
        )
    out.mkdir()
    with tarfile.open(packed) as archive:
        for name in _FILES:
            member = archive.extractfile(f"package/dist/{name}")
            assert member is not None
            (out / name).write_bytes(member.read())
