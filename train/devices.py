"""The backend and the devices of a run: asked for, checked, and shared."""

import importlib.util
import os
import platform
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from hwr_edge.bench.plan import cores
from hwr_edge.errors import DeviceError, RuntimeMissingError

BACKENDS = {"tensorflow": "tensorflow", "jax": "jax", "torch": "torch"}
"""Keras backend -> the package to install for it."""


def check_backend() -> None:
    """Whether the backend that KERAS_BACKEND names is there; before Keras is imported, which would just fail.

    Raises:
        RuntimeMissingError: it is unknown, or not installed.
    """
    name = os.environ.get("KERAS_BACKEND", "tensorflow")
    if name not in BACKENDS:
        raise RuntimeMissingError(f"KERAS_BACKEND is {name!r}; there are {', '.join(BACKENDS)}")
    if importlib.util.find_spec(BACKENDS[name]) is None:
        raise RuntimeMissingError(f"the backend {name} is not installed: pip install {BACKENDS[name]}")


def gpus() -> list[str]:
    """The GPUs that the backend sees, by its own names."""
    import keras

    name = keras.backend.backend()
    if name == "tensorflow":
        import tensorflow as tf

        return [device.name for device in tf.config.list_physical_devices("GPU")]
    if name == "jax":
        import jax

        return [str(device) for device in jax.devices() if device.platform == "gpu"]
    import torch

    return [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]


def placed(device: str, count: int) -> AbstractContextManager[Any]:
    """Where a run takes place: a context in which the model is built and compiled.

    Args:
        device: "auto", "cpu" or "gpu".
        count: devices that share each batch.

    Raises:
        DeviceError: a GPU asked for and absent, too few devices, or a backend that cannot share a batch.
    """
    import keras

    found = gpus()
    if device == "gpu" and not found:
        raise DeviceError(
            f"a GPU was asked for, and {keras.backend.backend()} sees none on this machine: check its driver,"
            ' or set device = "auto"'
        )
    kind = "cpu" if device == "cpu" or not found else "gpu"
    if count == 1:
        return keras.device(f"{kind}:0") if device == "cpu" and found else nullcontext()
    return _shared(kind, count)


def _shared(kind: str, count: int) -> AbstractContextManager[Any]:
    import keras

    backend = keras.backend.backend()
    if backend == "torch":
        raise DeviceError(
            "several devices share a batch under tensorflow and jax: set KERAS_BACKEND to one of them"
        )
    if backend == "tensorflow":
        import tensorflow as tf

        names = [device.name for device in tf.config.list_logical_devices(kind.upper())]
    else:
        names = keras.distribution.list_devices(kind)
    if len(names) < count:
        raise DeviceError(f"{count} devices were asked for, and {backend} sees {len(names)} of kind {kind}")
    if backend == "tensorflow":
        return tf.distribute.MirroredStrategy(names[:count]).scope()
    keras.distribution.set_distribution(keras.distribution.DataParallel(devices=names[:count]))
    return nullcontext()


def environment() -> dict[str, Any]:
    """What the run took place in: backend, versions, machine, devices."""
    import cv2
    import keras
    import numpy as np

    backend = keras.backend.backend()
    count = len(cores())  # that this process may use: a mask can make them fewer than the machine has
    return {
        "backend": backend,
        "versions": {
            "python": platform.python_version(),
            "keras": keras.__version__,
            backend: _version(backend),
            "numpy": np.__version__,
            "opencv": cv2.__version__,
        },
        "machine": f"{platform.system()} {platform.machine()}, {count} core{'s' if count > 1 else ''}",
        "gpus": gpus(),
    }


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    for name in (package, f"{package}-cpu"):
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
