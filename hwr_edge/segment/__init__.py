"""Touching and broken characters: several ways of cutting are tried, and the recogniser decides."""

from hwr_edge.segment.forms import Forms, usual_forms
from hwr_edge.segment.split import split

__all__ = ["Forms", "split", "usual_forms"]
