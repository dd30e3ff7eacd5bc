"""Touching and broken characters: several ways of cutting are tried, and the recogniser decides."""

from hwr_edge.segment.forms import Forms, usual_forms
from hwr_edge.segment.split import Way, ways

__all__ = ["Forms", "Way", "usual_forms", "ways"]
