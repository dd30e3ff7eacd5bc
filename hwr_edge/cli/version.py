"""`hwr-edge version`: nothing is imported, the installed packages are only looked up."""

import platform

from hwr_edge.cli import options

_PACKAGES = (
    ("opencv-python", "opencv-python-headless"),
    ("numpy",),
    ("onnxruntime", "onnxruntime-gpu"),
    ("ai-edge-litert",),
    ("openvino",),
)


def run(verbose: options.Verbose = False) -> int:
    """Print the versions of hwr-edge and of what it uses."""
    print(f"hwr-edge {_found('hwr-edge') or 'not installed'}")
    print(f"python {platform.python_version()} on {platform.system()} {platform.machine()}")
    for names in _PACKAGES:
        installed = [f"{name} {number}" for name in names if (number := _found(name))]
        print(", ".join(installed) or f"{names[0]} not installed")
    return 0


def _found(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version  # slow to load

    try:
        return version(package)
    except PackageNotFoundError:
        return None
