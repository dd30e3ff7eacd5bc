"""Touching and broken characters: several ways of cutting are tried, and the recogniser decides."""

from hwr_edge.segment.split import split
from hwr_edge.segment.widths import spare_widths

__all__ = ["spare_widths", "split"]
