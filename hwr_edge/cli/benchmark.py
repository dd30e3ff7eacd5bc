"""`hwr-edge benchmark`: which file in which runtime for this device, and what it costs."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hwr_edge.cli import options
from hwr_edge.cli.complaints import complain
from hwr_edge.cli.output import Progress, check_file

if TYPE_CHECKING:
    from hwr_edge.bench.plan import Candidate, Settings

_INTERRUPTED = 130
_TOTAL_SECONDS = 100.0  # of the run without arguments: with the time to start and end, under two minutes
_Scenario = StrEnum("_Scenario", ["single", "multi", "offline"])


def run(
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODEL...]", help="names, model files or folders of them [all bundled models]"
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("-m", "--model", metavar="NAME|PATH", help="one more of them")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="DATA", help="labelled pictures for accuracy [agreement on drawings]"),
    ] = None,
    runtime: Annotated[
        list[options.RuntimeName] | None, typer.Option("--runtime", help="only these [all installed]")
    ] = None,
    device: options.Device = options.DeviceName.auto,
    threads: Annotated[
        str | None,
        typer.Option(metavar="N,...", help="threads of the runtime [1 for small models, else one a core]"),
    ] = None,
    batch: Annotated[str, typer.Option(metavar="N,...", help="batch sizes")] = "1,8,64",
    scenario: Annotated[
        list[_Scenario] | None, typer.Option("--scenario", help="as MLPerf defines them [all]")
    ] = None,
    warmup: Annotated[int, typer.Option(min=1, metavar="N", help="calls before timing")] = 10,
    runs: Annotated[int, typer.Option(min=1, metavar="N", help="timed calls at least")] = 1000,
    min_seconds: Annotated[
        float, typer.Option(min=0, metavar="S", help="of timed calls at least, for each candidate")
    ] = 0.5,
    max_seconds: Annotated[
        float, typer.Option(min=0.01, metavar="S", help="of timed calls at most, whatever --runs says")
    ] = 10.0,
    rounds: Annotated[int, typer.Option(min=1, metavar="N", help="turns that each candidate gets")] = 3,
    time_limit: Annotated[
        float, typer.Option(min=1, metavar="S", help="after so long a process counts as hanging")
    ] = 60.0,
    save: Annotated[str | None, typer.Option(metavar="FILE", help="everything, as JSON")] = None,
    samples: Annotated[bool, typer.Option("--samples", help="with every single latency in it")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="print the table as CSV")] = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="print the table as Markdown")] = False,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="a report with plots")] = None,
    compare: Annotated[
        str | None, typer.Option(metavar="OLD.json", help="set against a saved run; MODEL may be another one")
    ] = None,
    fail_if_slower: Annotated[
        str | None, typer.Option(metavar="20%", help="with --compare: exit code 4 where a median is")
    ] = None,
    self_test: Annotated[
        bool, typer.Option("--self-test", help="measure a fake runtime that is known, and nothing else")
    ] = False,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="on stderr only errors")] = False,
    no_progress: Annotated[bool, typer.Option("--no-progress", help="no progress bar")] = False,
    verbose: options.Verbose = False,
) -> int:
    """Measure model files in every runtime: latency, throughput, memory, answers.

    Without MODEL the bundled models in all their forms. Ends with one table and one sentence: what to ship
    to this device. `benchmark --compare a.json b.json` sets two saved runs against each other.
    """
    from hwr_edge.bench import result
    from hwr_edge.bench.plan import SCENARIOS, Settings
    from hwr_edge.bench.timing import Budget

    if self_test:
        return _self_test()
    limit = _share(fail_if_slower)
    if limit is not None and not compare:
        raise typer.BadParameter("--fail-if-slower needs --compare OLD.json")
    for option, target in (("--save", save), ("--html", html)):
        if target:
            check_file(Path(target), option)
    old = result.load(Path(compare)) if compare else None
    inputs = [*(files or []), *(model or [])]
    if old and len(inputs) == 1 and inputs[0].endswith(".json"):
        return _against(old, result.load(Path(inputs[0])), limit)
    settings = Settings(
        budget=Budget(runs, min_seconds, max_seconds),
        warmup=warmup,
        rounds=rounds,
        batches=_numbers("--batch", batch),
        scenarios=tuple(scenario) if scenario else SCENARIOS,
        patience=time_limit,
        total_seconds=None if inputs else _TOTAL_SECONDS,
        keep_samples=samples,
    )
    found = _measure(
        _candidates(inputs, runtime or [], _numbers("--threads", threads), device),
        settings,
        Path(data) if data else None,
        not (quiet or no_progress),
    )
    _keep(found, save, html)
    _print(found, csv, markdown)
    code = _against(old, found, limit) if old else 0
    if found["partial"]:
        told = f"interrupted: what was measured is in {save}, marked partial" if save else "interrupted"
        return complain(told, _INTERRUPTED)
    return _failure(found, device) or code


def _self_test() -> int:
    from hwr_edge.bench import selftest
    from hwr_edge.errors import CheckFailed

    code = 0
    for check in selftest.checks():
        print(f"{'ok  ' if check.passed else 'FAIL'} {check.name} ({check.seen})")
        code = code if check.passed else CheckFailed.exit_code
    return code


def _candidates(
    inputs: list[str], wanted: list[options.RuntimeName], threads: tuple[int, ...], device: str
) -> "list[Candidate]":
    from hwr_edge import models
    from hwr_edge.bench import plan

    names = [str(name) for name in wanted if name != options.RuntimeName.auto]
    return plan.candidates(plan.files(inputs or models.names()), names, threads, str(device))


def _measure(
    candidates: "list[Candidate]", settings: "Settings", data: Path | None, shown: bool
) -> dict[str, Any]:
    from hwr_edge.bench import session

    progress = Progress(settings.rounds * len(candidates), shown)
    try:
        return session.benchmark(candidates, settings, data, progress.step)
    finally:
        progress.clear()


def _keep(found: dict[str, Any], save: str | None, html: str | None) -> None:
    from hwr_edge.bench import report
    from hwr_edge.modelfile import write_atomic, write_json

    if save:
        write_json(Path(save), found)
    if html:
        write_atomic(Path(html), report.page(found).encode())


def _print(found: dict[str, Any], csv: bool, markdown: bool) -> None:
    """The table on stdout; what a program would stumble over goes to stderr."""
    from hwr_edge.bench import table

    rows = found["results"]
    if csv:
        print(table.as_csv(rows), end="")
    elif markdown:
        print(table.as_markdown(rows))
    else:
        print(table.whole(found))
    if csv or markdown:
        print("\n".join([*table.remarks(found), found["advice"]]), file=sys.stderr)


def _against(old: dict[str, Any], new: dict[str, Any], limit: float | None) -> int:
    from hwr_edge.bench import compare
    from hwr_edge.errors import CheckFailed

    pairs = compare.pair(old["results"], new["results"])
    print(compare.as_text(pairs, old, new))
    worse = compare.slower(pairs, limit) if limit is not None else []
    return complain("; ".join(worse), CheckFailed.exit_code) if worse else 0


def _failure(found: dict[str, Any], device: str) -> int:
    """The exit code where nothing was measured, or where a device that was asked for was not there."""
    from hwr_edge.errors import DeviceError

    rows = found["results"]
    failed = [row for row in rows if row["status"] != "ok"]
    absent = [row for row in failed if row["kind"] == "DeviceError"]
    if device not in ("auto", "cpu") and absent:
        return complain(absent[0]["error"], DeviceError.exit_code)
    if len(failed) == len(rows):
        return complain(
            f"nothing could be measured; {failed[0]['file']}: {failed[0]['error']}", failed[0]["code"]
        )
    return 0


def _numbers(option: str, text: str | None) -> tuple[int, ...]:
    try:
        numbers = tuple(int(word) for word in text.split(",")) if text is not None else ()
    except ValueError:
        numbers = (0,)
    if any(number < 1 for number in numbers):
        raise typer.BadParameter(f"{option} is {text!r}: it must be numbers from 1 on, parted by commas")
    return tuple(dict.fromkeys(numbers))


def _share(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise typer.BadParameter(f"--fail-if-slower is {text!r}: it must be such as 20% or 0.2") from None
