"""What can go wrong, each failure a type of its own with the exit code the CLI gives it.

    HwrError                     1  anything of ours that has no better name
    |-- ImageError      ValueError     3  an image that cannot be read, or none found
    |-- ModelFileError  ValueError     6  a model missing, damaged, or without metadata
    |-- RuntimeMissingError ImportError 5  a runtime that is not installed
    |-- DeviceError     RuntimeError   5  a device, camera or provider that is not there
    |-- RecipeError     ValueError     2  a recipe with an unknown key or a bad value
    |-- DataError       ValueError     3  a data set missing, damaged or mislabelled
    `-- CheckFailed                    4  a result outside the limits it was held to

Each one inherits the builtin a caller would expect to catch as well.
"""


class HwrError(Exception):
    """Base of every error raised on purpose here; the message says what, where and what to do."""

    exit_code = 1


class ImageError(HwrError, ValueError):
    """An image is missing, unreadable, truncated, or of a size or kind that cannot be used."""

    exit_code = 3


class ModelFileError(HwrError, ValueError):
    """A model is unknown, missing, damaged, or carries no (or wrong) metadata."""

    exit_code = 6


class RuntimeMissingError(HwrError, ImportError):
    """A runtime is not installed, or its library does not load; names the `pip install`."""

    exit_code = 5


class DeviceError(HwrError, RuntimeError):
    """A device was asked for that is not there: no CUDA provider, no camera, no display."""

    exit_code = 5


class RecipeError(HwrError, ValueError):
    """A training recipe has an unknown key or a value that cannot be used."""

    exit_code = 2


class DataError(HwrError, ValueError):
    """A data set is missing, damaged, incomplete or mislabelled."""

    exit_code = 3


class CheckFailed(HwrError):
    """A measured figure is outside the limit it was held to."""

    exit_code = 4
