"""Touching and broken characters: several ways of cutting are tried, and the recogniser decides."""

from hwr_edge.segment.split import split

__all__ = ["split"]
