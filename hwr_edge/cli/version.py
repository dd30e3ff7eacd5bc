"""Print the versions of hwr-edge and of what it uses."""

import argparse
import platform
from importlib.metadata import PackageNotFoundError, version

_PACKAGES = (
    ("opencv-python", "opencv-python-headless"),
    ("numpy",),
    ("onnxruntime", "onnxruntime-gpu"),
    ("ai-edge-litert",),
    ("openvino",),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`hwr-edge version` has no options."""


def run(args: argparse.Namespace) -> int:
    """Print one line a component; nothing is imported, the installed packages are only looked up."""
    print(f"hwr-edge {_found('hwr-edge') or 'not installed'}")
    print(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for names in _PACKAGES:
        installed = [f"{name} {number}" for name in names if (number := _found(name))]
        print(", ".join(installed) or f"{names[0]} not installed")
    return 0


def _found(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
