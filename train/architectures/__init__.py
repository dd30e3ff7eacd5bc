"""The architectures by name."""

from collections.abc import Callable
from typing import Any

from train.architectures.edge import edge

ARCHITECTURES: dict[str, Callable[..., Any]] = {"edge": edge}
