"""Files timed beside each other: one thread, one picture, all of them in turn, round after round."""

import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from hwr_edge import runtimes
from hwr_edge.bench import plan, run
from hwr_edge.bench.plan import Settings
from hwr_edge.bench.shown import Showcase, Shown
from hwr_edge.bench.timing import Budget
from hwr_edge.cli.output import Progress


def medians(paths: Sequence[Path], rounds: int, seconds: float) -> dict[Path, float]:
    """Milliseconds of one picture in the runtime that "auto" takes: the median over rounds of their medians.

    Args:
        paths: model files; those that fail are left out of the answer.
        rounds: how often each has its turn, each time in a fresh process.
        seconds: a turn takes at most, and at least a third of it; loading and warming up are left aside.
    """
    budget = Budget(rounds * 100, rounds * seconds / 3, rounds * seconds)
    settings = Settings(budget, rounds=rounds, batches=(1,), scenarios=())
    found = []
    for path in paths:
        name = next(entry.name for entry in runtimes.fitting(path) if entry.name in runtimes.installed())
        found += plan.candidates([path], [name], [1], "cpu")
    bar = Progress(rounds * len(found), wanted=True)
    with tempfile.TemporaryDirectory() as folder:
        showcase = Showcase(Path(folder))
        shown = {candidate: Shown(showcase.of(candidate.path).crops) for candidate in found}
        measured = run.measure(found, settings, shown, lambda candidate: bar.step(candidate.path.name))
    bar.clear()
    if not measured.complete:
        raise KeyboardInterrupt
    return {
        candidate.path: round(statistics.median(_median(facts) for facts in told), 4)
        for candidate, told in measured.facts.items()
        if all(facts["status"] == "ok" for facts in told)
    }


def _median(facts: run.Facts) -> float:
    return statistics.median(facts["samples_ns"]) / facts["calls_per_sample"] * 1e-6
