"""All candidates in turns, round after round, each time in a fresh process."""

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hwr_edge.bench import child, plan
from hwr_edge.bench.plan import Candidate, Settings
from hwr_edge.bench.shown import Shown
from hwr_edge.bench.timing import Budget

Facts = dict[str, Any]

_LEAST = 0.05  # seconds that timing lasts at most, however little time is left


@dataclass
class Measured:
    """What came out, as far as it came.

    Attributes:
        facts: for each candidate what each of its rounds told.
        complete: whether every round was done.
        notes: what a reader should know about the run as a whole.
    """

    facts: dict[Candidate, list[Facts]] = field(default_factory=dict)
    complete: bool = False
    notes: list[str] = field(default_factory=list)


def measure(
    candidates: Sequence[Candidate],
    settings: Settings,
    shown: Mapping[Candidate, Shown],
    tell: Callable[[Candidate], None],
) -> Measured:
    """Measure; Ctrl-C ends it early, with `complete` False and what was measured until then.

    Args:
        candidates: what takes turns.
        settings: how long and how often.
        shown: the pictures for each.
        tell: called before a candidate's turn.
    """
    measured = Measured({candidate: [] for candidate in candidates})
    began = time.monotonic()
    alive = list(candidates)
    try:
        for number in range(settings.rounds):
            round_began = time.monotonic()
            for turn, candidate in enumerate(list(alive)):
                tell(candidate)
                budget = _budget(settings, time.monotonic() - began, len(alive) - turn)
                job = _job(candidate, settings, shown[candidate], budget, number == 0)
                facts = child.run(job, settings.patience + 2 * budget.max_seconds * _parts(settings))
                measured.facts[candidate].append(facts)
                if facts["status"] == "interrupted":
                    raise KeyboardInterrupt
                if facts["status"] != "ok":
                    alive.remove(candidate)
            took = time.monotonic() - round_began
            left = settings.rounds - number - 1
            spent = time.monotonic() - began
            if left and settings.total_seconds and spent + took > settings.total_seconds:
                measured.notes.append(f"{left} of {settings.rounds} rounds left out to end in time")
                break
        measured.complete = True
    except KeyboardInterrupt:
        measured.notes.append("interrupted: figures are of what was measured until then")
    return measured


def _budget(settings: Settings, spent: float, turns: int) -> Budget:
    """Of one process: its part of the rounds; where time is limited, no more than its share of what is left.

    On a slow or busy machine even the first round would take too long otherwise.
    """
    budget = settings.budget.part(settings.rounds)
    if settings.total_seconds is None:
        return budget
    share = (settings.total_seconds - spent) / max(1, turns) / _parts(settings)
    return dataclasses.replace(budget, max_seconds=min(budget.max_seconds, max(share, _LEAST)))


def _parts(settings: Settings) -> float:
    """How many times `max_seconds` one process may take: warm-up and steady state, extras, answers."""
    return 2 + (len(settings.batches) + 4) / 4 + 4


def _job(
    candidate: Candidate, settings: Settings, shown: Shown, budget: Budget, first: bool
) -> dict[str, Any]:
    return {
        "path": str(candidate.path),
        "runtime": candidate.runtime,
        "module": candidate.module,
        "device": candidate.device,
        "threads": candidate.threads,
        "cores": plan.cores()[: candidate.threads],
        "budget": dataclasses.asdict(budget),
        "warmup": settings.warmup,
        "batches": settings.batches,
        "scenarios": settings.scenarios,
        "crops": str(shown.crops),
        "picture": str(shown.picture) if shown.picture else "",
        "frame": str(shown.frame),
        "answers": first and bool(shown.truth),
    }
