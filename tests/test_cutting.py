"""The fit of the cutting lattice's weights: sums over all ways, against counting them one by one."""

import itertools

import numpy as np
import pytest

from benchmarks.cutting import Lattice, fit
from hwr_edge.segment.lattice import GLYPH, MARK

TRAITS = len(GLYPH + MARK)
SHAPES = (0, 1, -1)  # of which -1 is left out


@pytest.fixture
def lattice() -> Lattice:
    """Three pieces; any one or two together are an a or a b, and any one may be left out."""
    runs = [(first, last) for last in range(3) for first in (last - 1, last) if first >= 0]
    edges = [(*run, shape) for run in runs for shape in SHAPES if shape >= 0 or run[0] == run[1]]
    traits = np.random.default_rng(0).uniform(0, 1, (len(edges), TRAITS))
    return Lattice(3, edges, traits, np.array([0, 1]))


def ways(lattice: Lattice) -> list[tuple[int, ...]]:
    """Every set of edges that covers the pieces one after another."""
    found = []
    for count in range(1, lattice.count + 1):
        for way in itertools.permutations(range(len(lattice.edges)), count):
            ends = [lattice.edges[i][:2] for i in way]
            starts = [0, *(last + 1 for _, last in ends)]
            if [first for first, _ in ends] == starts[:-1] and starts[-1] == lattice.count:
                found.append(way)
    return found


@pytest.mark.parametrize("free", [False, True])
def test_the_likelihood_is_the_sum_over_all_ways(lattice: Lattice, free: bool) -> None:
    weights = np.random.default_rng(4).uniform(0, 1, TRAITS)
    costs = lattice.traits @ weights
    right = [
        way
        for way in ways(lattice)
        if free or [s for i in way if (s := lattice.edges[i][2]) >= 0] == lattice.truth.tolist()
    ]
    total = np.log(sum(np.exp(-costs[list(way)].sum()) for way in right))
    assert lattice.likelihood(weights, free=free)[0] == pytest.approx(total)


def test_the_slope_is_that_of_the_likelihood(lattice: Lattice) -> None:
    weights = np.random.default_rng(5).uniform(0, 1, TRAITS)
    slope = lattice.likelihood(weights)[1]
    for at in range(TRAITS):
        step = np.eye(TRAITS)[at] * 1e-5
        rise = lattice.likelihood(weights + step)[0] - lattice.likelihood(weights - step)[0]
        assert slope[at] == pytest.approx(rise / 2e-5, abs=1e-6)


def test_a_fit_makes_what_is_right_the_cheapest(lattice: Lattice) -> None:
    start = np.full(TRAITS, 0.5)
    assert lattice.read(start) != [0, 1]
    assert lattice.read(fit([(lattice, 20.0)], start, rounds=40)) == [0, 1]
