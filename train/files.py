"""Files of a run: each whole or not there."""

import os
import shutil
from pathlib import Path

import keras


def save(model: keras.Model, path: Path, also: Path | None = None) -> None:
    """The model with its state as a `.keras` file, whole or not at all; `also` becomes the same file before.

    Never as HDF5 on the disk itself: its library crashes where the disk is full.
    """
    part = path.with_name(f"part.{path.name}")
    try:
        model.save(part)
        if also:
            same(part, also)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def same(source: Path, target: Path) -> None:
    """One file under two names where the disk can: a model may have hundreds of megabytes."""
    part = target.with_name(f"link.{target.name}")
    part.unlink(missing_ok=True)
    try:
        os.link(source, part)
    except OSError:
        shutil.copyfile(source, part)
    part.replace(target)
