"""What is measured, and how long: files times runtimes times threads."""

import functools
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hwr_edge import models, runtimes
from hwr_edge.bench.timing import Budget
from hwr_edge.errors import DeviceError, ModelFileError, RuntimeMissingError

SCENARIOS = ("single", "multi", "offline")
MULTI = 8  # samples in one query of the multi-stream scenario, as MLPerf has it
_CPUS = Path("/sys/devices/system/cpu")


@dataclass(frozen=True)
class Settings:
    """How long and how often.

    Attributes:
        budget: of the latencies of one candidate, over all rounds.
        warmup: calls before anything is timed, in each round.
        rounds: how often all candidates take turns, each time in a fresh process.
        batches: batch sizes whose throughput is measured.
        scenarios: of SCENARIOS.
        patience: seconds a process may be late before it counts as hanging.
        total_seconds: no round is begun that would likely end after it, and on a slow machine each process
            gets a share of it; None for no such limit.
        keep_samples: whether the raw latencies are handed out.
    """

    budget: Budget = field(default_factory=lambda: Budget(1000, 0.5, 10.0))
    warmup: int = 10
    rounds: int = 3
    batches: tuple[int, ...] = (1, 8, 64)
    scenarios: tuple[str, ...] = SCENARIOS
    patience: float = 60.0
    total_seconds: float | None = None
    keep_samples: bool = False


@dataclass(frozen=True)
class Candidate:
    """One line of the table.

    Attributes:
        path: the model file.
        runtime: its name, as in `runtimes.RUNTIMES`.
        module: the module that holds `open_model(path, device, threads)`.
        threads: of the runtime, and so many cores are its own.
        device: "cpu", "cuda" or another of `runtimes.DEVICES`.
    """

    path: Path
    runtime: str
    module: str
    threads: int = 1
    device: str = "cpu"


def files(inputs: Sequence[str]) -> list[Path]:
    """The model files behind what the user typed: bundled names (all their forms), files and folders.

    Raises:
        ModelFileError: an input leads to no model file, or to one that no runtime opens.
    """
    found: list[Path] = []
    known = runtimes.SUFFIXES
    for text in inputs:
        path = Path(text)
        if text in models.names():
            found += models.forms(text)
        elif path.is_dir():
            inside = sorted(one for one in path.iterdir() if one.suffix in known)
            if not inside:
                raise ModelFileError(f"{path} holds no model file: expected {', '.join(known)}")
            found += inside
        else:
            file, _ = models.find(text)
            if file.suffix not in known:
                raise ModelFileError(
                    f"{file} is not a file that a runtime opens: expected {', '.join(known)}"
                )
            found.append(file)
    kept: dict[Path, Path] = {}
    for path in found:  # a bundled model may be named, and lie in a folder that is given as well
        kept.setdefault(path.resolve(), path)
    return list(kept.values())


def candidates(
    paths: Sequence[Path], wanted: Sequence[str], threads: Sequence[int], device: str
) -> list[Candidate]:
    """Every file with every runtime that is installed and opens it.

    Args:
        paths: model files.
        wanted: names of runtimes; empty for all that are installed.
        threads: empty for one thread for small files, else one a core.
        device: see `Candidate`; "auto" for the CPU and whatever else onnxruntime was built for.

    Raises:
        RuntimeMissingError: none of the runtimes for a file is installed, or one asked for is not.
        DeviceError: more threads than there are cores for this process.
    """
    absent = [name for name in wanted if name not in runtimes.installed()]
    if absent:
        raise RuntimeMissingError(f"{absent[0]} is not installed: {runtimes.how_to_install(absent[0])}")
    free = len(cores())
    if max(threads, default=1) > free:
        raise DeviceError(f"{max(threads)} threads wanted, but this process has {free} cores: give --threads")
    found = []
    for path in paths:
        usual = 1 if path.stat().st_size < runtimes.TINY_BYTES else free
        found += [
            Candidate(path, entry.name, runtimes.module_of(entry), count, place)
            for entry in runtimes.fitting(path)
            if entry.name in (wanted or runtimes.installed())
            for place in _devices(entry.name, device)
            for count in (threads or [usual])
        ]
    if not found:
        raise RuntimeMissingError(
            f"no runtime installed that opens {', '.join(path.name for path in paths)}: "
            + runtimes.how_to_install(runtimes.fitting(paths[0])[0].name)
        )
    return found


@functools.cache
def _devices(runtime: str, device: str) -> tuple[str, ...]:
    """Where a runtime is to run; onnxruntime is asked in a process of its own, for importing may crash."""
    if device != "auto":
        return (device,)
    if runtime != "onnxruntime":
        return ("cpu",)
    code = "from hwr_edge.runtimes import ort; print(*ort.offered())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return tuple(done.stdout.split()) or ("cpu",)


def cores(cpus: Path = _CPUS) -> list[int]:
    """The cores this process may use, the fastest first; among equals the first core comes last."""
    if not hasattr(os, "sched_getaffinity"):
        return list(range(os.cpu_count() or 1))
    allowed = os.sched_getaffinity(0)
    return sorted(allowed, key=lambda core: (-_speed(cpus / f"cpu{core}"), -core))


def _speed(cpu: Path) -> int:
    for name in ("cpufreq/cpuinfo_max_freq", "cpu_capacity"):
        try:
            return int((cpu / name).read_text())
        except (OSError, ValueError):
            continue
    return 0
