"""What the benchmark computes: percentiles, intervals, faults, the frontier, the advice, comparisons."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwr_edge.bench import (
    advice,
    compare,
    disturbance,
    energy,
    fake,
    memory,
    pareto,
    plan,
    report,
    result,
    run,
    selftest,
    summary,
    table,
    timing,
)
from hwr_edge.bench.disturbance import Snapshot
from hwr_edge.bench.pareto import Point
from hwr_edge.bench.plan import Candidate, Settings
from hwr_edge.bench.shown import Shown
from hwr_edge.bench.timing import Budget, Clock
from hwr_edge.errors import DeviceError, ModelFileError, RuntimeMissingError

Row = dict[str, Any]


def row(file: str, runtime: str, milliseconds: float, agreement: float | None = 1.0, **others: Any) -> Row:
    """A row as a run gives it."""
    values = milliseconds * np.linspace(0.9, 1.1, 101)
    made: Row = {
        "model": file.partition(".")[0],
        "task": file.partition(".")[0],
        "file": file,
        "runtime": runtime,
        "device": "cpu",
        "threads": 1,
        "status": "ok",
        "error": None,
        "sha256": "0",
        "bytes": 1000,
        "float": "int8" not in file,
        "parameters": 7,
        "macs": 1000,
        "macs_per_second": 1e9,
        "share_of_peak": 0.5,
        "import_ms": 1.0,
        "load_ms": 2.0,
        "first_ms": 3.0,
        "warmup_ms": {"n": 1, "mean": 1.0},
        "latency_ms": summary.summarise(values) | {"calls_per_sample": 1, "overhead_share": 0.001},
        "from_bytes_ms": None,
        "from_frame_ms": summary.summarise(values + 1),
        "batches": {"1": {"n": 1, "p50_ms": 1.0, "per_second": 1000.0}, "8": None},
        "scenarios": {"offline": {"samples": 8, "per_second": 2000.0}, "multi": None},
        "memory_mib": {"start": 1.0, "loaded": 2.0, "steady": 3.0, "peak": 4.0},
        "energy": None,
        "waited_share": 0.0,
        "accuracy": None,
        "agreement": {"value": agreement, "n": 10, "ci95": [0, 1]} if agreement is not None else None,
        "notes": [],
    }
    return made | others


def saved(*rows: Row) -> dict[str, Any]:
    return {
        "schema": result.SCHEMA,
        "started": "2026-01-01",
        "seconds": 1.0,
        "partial": False,
        "machine": "a <machine>",
        "method": "so",
        "data": "drawings",
        "notes": [],
        "gemm_macs_per_second": {"1": 2e9},
        "device": {"cpu": {"model": "x"}, "gpus": [{"name": "y"}]},
        "advice": "Ship it.",
        "results": list(rows),
    }


def failed(file: str) -> Row:
    return row(file, "litert", 1.0) | {
        "status": "crashed",
        "error": "ended by SIGSEGV, during load",
        "latency_ms": None,
        "agreement": None,
    }


def test_percentiles_of_a_known_sample_are_exact() -> None:
    found = summary.summarise(np.random.default_rng(0).permutation(np.arange(1, 1001)))
    assert (found["p50"], found["p90"], found["p95"], found["p99"]) == (500, 900, 950, 990)
    assert (found["min"], found["max"], found["mean"], found["n"]) == (1, 1000, 500.5, 1000)
    assert not found["p99_doubtful"]
    assert summary.summarise(np.arange(999))["p99_doubtful"]


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=300), st.sampled_from(summary.PERCENTILES))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[float], share: int) -> None:
    found = summary.percentile(np.sort(values), share)
    assert found in values
    assert sum(value <= found for value in values) * 100 >= share * len(values)
    assert sum(value < found for value in values) * 100 < share * len(values)


def test_the_interval_of_the_median_holds_it_95_times_in_100() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        interval = summary.median_interval(np.sort(rng.exponential(1, 40)))
        assert interval
        hits += interval[0] <= np.log(2) <= interval[1]
    assert 0.94 <= hits / 1000 <= 0.99
    assert summary.median_interval(np.arange(5.0)) is None


def test_short_calls_are_timed_many_at_a_time() -> None:
    assert timing.calls_per_sample(Clock(50, 70), 20_000) == 1
    assert timing.calls_per_sample(Clock(50, 70), 700) == 10
    assert timing.calls_per_sample(Clock(1000, 70), 20_000) == 5  # a clock of microseconds


def test_a_series_ends_after_its_runs_or_its_time() -> None:
    calls: list[int] = []
    assert len(timing.take(lambda: calls.append(1), 3, Budget(7, 0, 10), timing.scratch(100))) == 7
    assert len(calls) == 21
    assert len(timing.take(lambda: None, 1, Budget(10**9, 0, 0.0), timing.scratch(100))) == 1
    assert len(timing.take(lambda: None, 1, Budget(10**9, 0, 9), timing.scratch(50), 20)) == 30


def test_memory_that_grows_with_every_part_is_a_leak() -> None:
    mib = 1 << 20
    assert memory.leak([0, 9 * mib, 10 * mib, 11 * mib], 1024) == 2048
    assert memory.leak([0, 9 * mib, 9 * mib, 30 * mib], 1024) == 0
    assert memory.leak([0, 9 * mib, 9 * mib + 1, 9 * mib + 2], 1024) == 0
    assert memory.leak([None, None, None], 1) is None


def test_energy_counters(tmp_path: Path) -> None:
    assert energy.find(tmp_path) is None
    sensor = tmp_path / "hwmon" / "hwmon0"
    sensor.mkdir(parents=True)
    (sensor / "name").write_text("ina3221\n")
    (sensor / "power1_input").write_text("5000000\n")
    power = energy.find(tmp_path)
    assert power
    assert power.name == "hwmon ina3221"
    assert power.joules([4_000_000, 6_000_000], 2.0) == pytest.approx(10)
    zone = tmp_path / "powercap" / "intel-rapl:0"
    zone.mkdir(parents=True)
    for name, text in {"name": "package-0", "energy_uj": "90", "max_energy_range_uj": "100"}.items():
        (zone / name).write_text(text)
    rapl = energy.find(tmp_path)
    assert rapl
    assert (rapl.name, rapl.read()) == ("RAPL package-0", 90)
    assert rapl.joules([90, 95, 10], 1.0) == pytest.approx(20e-6)  # the count starts anew at 100


def test_waiting_for_a_core_and_heat_are_seen(tmp_path: Path) -> None:
    for task, waited in (("1", 2_000_000_000), ("2", 1_000_000_000)):
        (tmp_path / "tasks" / task).mkdir(parents=True)
        (tmp_path / "tasks" / task / "schedstat").write_text(f"5 {waited} 7\n")
    throttle = tmp_path / "cpus" / "cpu0" / "thermal_throttle"
    throttle.mkdir(parents=True)
    (throttle / "core_throttle_count").write_text("3\n")
    seen = disturbance.snapshot(tmp_path / "tasks", tmp_path / "cpus")
    assert (seen.waited, seen.throttled) == (3.0, 3)
    assert disturbance.share_waited(Snapshot(0, 2.0, 3), Snapshot(10, 3.0, 4)) == pytest.approx(0.1)
    assert disturbance.heated(Snapshot(0, 0, 3), Snapshot(1, 0, 4))
    nothing = disturbance.snapshot(tmp_path / "none", tmp_path / "none")
    assert (nothing.waited, nothing.throttled) == (None, None)
    assert disturbance.share_waited(nothing, nothing) is None


def test_the_fastest_cores_come_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for core, speed in ((0, 400), (1, 1024), (2, 1024)):
        (tmp_path / f"cpu{core}").mkdir()
        (tmp_path / f"cpu{core}" / "cpu_capacity").write_text(str(speed))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    assert plan.cores(tmp_path) == [2, 1, 0]


points = st.lists(
    st.tuples(st.floats(0.01, 100), st.floats(0, 1)).map(lambda pair: Point(0, *pair)), min_size=1
)


@given(points)
def test_nothing_beats_the_frontier_and_all_else_is_beaten(found: list[Point]) -> None:
    def beats(one: Point, other: Point) -> bool:
        return one != other and one.milliseconds <= other.milliseconds and one.quality >= other.quality

    best = pareto.frontier(found)
    assert not any(beats(one, other) for one in found for other in best)
    assert all(one in best or any(beats(other, one) for other in best) for one in found)


@given(points)
def test_a_plot_shows_every_point_and_stays_in_its_frame(found: list[Point]) -> None:
    numbered = [Point(index, one.milliseconds, one.quality) for index, one in enumerate(found[:9])]
    text = pareto.plot(numbered, "name")
    assert all(len(line) < 80 for line in text.splitlines())
    if len(numbered) > 1:
        assert all(f"[{pareto.mark(one.index)}]" in text for one in pareto.frontier(numbered)[:1])


def test_a_plot_of_equals_names_their_height_once() -> None:
    assert pareto.plot([Point(0, 1.0, 1.0), Point(1, 2.0, 1.0)], "equal").count("100.00%") == 1


def test_the_advice_is_the_fastest_that_answers_well_enough() -> None:
    rows = [
        row("a.onnx", "onnxruntime", 2.0, 1.0),
        row("a.int8.onnx", "onnxruntime", 1.0, 0.995),
        row("a.int4.onnx", "onnxruntime", 0.5, 0.9),
        failed("a.int8.tflite"),
    ]
    said = advice.sentence(rows)
    assert said.count(".\n") == 0
    assert "ship a.int8.onnx in onnxruntime (1 ms, agreement with float 99.5%" in said
    assert "2 times as fast as a.onnx in onnxruntime" in said
    assert "a.int4.onnx in onnxruntime is faster, but right less often at 90.0%" in said
    assert advice.winner(rows, range(4)) == 1
    assert "Nothing can be recommended" in advice.sentence([failed("a.onnx")])


def test_accuracy_counts_for_more_than_agreement_where_data_is_given() -> None:
    right = {"value": 0.9, "n": 10, "ci95": [0, 1], "drawn": False}
    rows = [
        row("a.onnx", "onnxruntime", 2.0, 1.0, accuracy=right),
        row("a.int8.onnx", "onnxruntime", 1.0, 1.0, accuracy=right | {"value": 0.8}),
    ]
    assert advice.winner(rows, [0, 1]) == 0
    assert pareto.quality_name(rows) == "accuracy"
    assert "accuracy" in table.headings(rows)


def test_one_winning_form_is_said_once() -> None:
    rows = [row(f"{name}.{form}", "litert", speed) for name in "ab" for form, speed in (("x", 1), ("y", 2))]
    said = advice.sentence(rows)
    assert said.startswith("On this device, ship the .x files in litert")
    assert said.count("litert") == 1


def test_a_fault_is_a_line_of_every_table() -> None:
    rows = [row("a.onnx", "onnxruntime", 1.0), failed("a.tflite")]
    assert "2: crashed: ended by SIGSEGV, during load" in table.as_text(rows)
    assert "crashed: ended by SIGSEGV" in table.as_markdown(rows).splitlines()[-1]
    lines = list(csv.DictReader(io.StringIO(table.as_csv(rows))))
    assert [line["status"] for line in lines] == ["ok", "crashed"]
    assert (lines[0]["p50_ms"], lines[1]["p50_ms"], lines[0]["batch_8_per_second"]) == ("1.0", "", "")


def test_a_busy_machine_is_noted_once() -> None:
    rows = [row("a.onnx", "onnxruntime", 1.0, waited_share=share) for share in (0.5, 0.0, 0.1)]
    (note,) = table.remarks(saved(*rows))
    assert "during 1 3" in note
    assert "50%" in note


def test_the_report_is_one_whole_file() -> None:
    rows = [row("a.onnx", "onnxruntime", 2.0), row("a.int8.onnx", "litert", 1.0, 0.99), failed("a.tflite")]
    page = report.page(saved(*rows))
    assert "a &lt;machine&gt;" in page
    assert page.count("<svg") == 2
    assert "ended by SIGSEGV" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert "src=" not in page


def test_runs_are_compared_by_file_runtime_and_threads() -> None:
    old = [row("a.onnx", "onnxruntime", 1.0), row("b.onnx", "litert", 1.0), row("c.onnx", "litert", 1.0)]
    new = [row("a.onnx", "onnxruntime", 1.5), row("c.onnx", "litert", 1.01, sha256="1"), failed("b.onnx")]
    pairs = compare.pair(old, new)
    assert [one.ratio for one in pairs] == [pytest.approx(1.5), None, pytest.approx(1.01)]
    assert (pairs[2].overlap, pairs[2].changed) == (True, True)
    worse = compare.slower(pairs, 0.2)
    assert len(worse) == 2
    assert "a.onnx in onnxruntime takes 1.50 times as long" in worse[0]
    assert "b.onnx in litert has no figure any more" in worse[1]
    assert compare.slower(compare.pair(old, old), 0.0) == []
    (gone,) = compare.slower(compare.pair([row("a.onnx", "litert", 1.0, threads=2)], []), 0.2)
    assert gone.startswith("a.onnx in litert with 2 threads ")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "other"}'])
def test_what_is_no_saved_run_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "old.json"
    path.write_text(text)
    with pytest.raises(result.SavedRunError, match=r"old\.json .*give a file that --save wrote"):
        result.load(path)


def test_a_saved_run_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(json.dumps(saved(row("a.onnx", "litert", 1.0))))
    assert result.label(result.load(path)["results"][0]) == ("a.onnx", "litert", 1, "cpu")


def test_candidates_are_files_times_runtimes_times_threads(bundled: Path) -> None:
    files = plan.files(["digits"])
    assert len(files) == 3
    found = plan.candidates(files, ["onnxruntime", "opencv"], [1], "cpu")
    # OpenCV runs no int8 file, and neither opens .tflite.
    assert sorted((one.path.name, one.runtime) for one in found) == [
        ("digits.int8.onnx", "onnxruntime"),
        ("digits.onnx", "onnxruntime"),
        ("digits.onnx", "opencv"),
    ]
    with pytest.raises(DeviceError, match="999 threads wanted"):
        plan.candidates(files, [], [999], "cpu")
    with pytest.raises(RuntimeMissingError, match="litert"):
        plan.candidates([bundled / "digits.int8.tflite"], ["opencv"], [], "cpu")


def test_folders_and_strange_files(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="holds no model file"):
        plan.files([str(tmp_path)])
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(ModelFileError, match="not a file that a runtime opens"):
        plan.files([str(tmp_path / "a.h5")])
    (tmp_path / "b.onnx").write_bytes(b"x")
    twice = [str(tmp_path), str(tmp_path / "b.onnx"), str(tmp_path / ".." / tmp_path.name)]
    assert plan.files(twice) == [tmp_path / "b.onnx"]


def test_a_fake_with_known_times_is_measured_within_two_percent(tmp_path: Path) -> None:
    for attempt in range(3):  # others may hold the core for a while
        latency = selftest.measure(tmp_path, [300.0])["latency_ms"]
        if abs(latency["p50"] / 0.3 - 1) < selftest.TOLERANCE or attempt == 2:
            break
    assert latency["p50"] == pytest.approx(0.3, rel=selftest.TOLERANCE)
    assert latency["min"] >= 0.3
    assert latency["overhead_share"] < selftest.TOLERANCE


def test_little_time_is_shared_out_among_slow_candidates(tmp_path: Path) -> None:
    files = [fake.write(tmp_path / f"{name}.fake", [30_000.0]) for name in "ab"]
    candidates = [Candidate(path, "fake", fake.__name__) for path in files]
    crops = tmp_path / "crops.npy"
    np.save(crops, np.zeros((4, 8, 8, 1), np.uint8))
    settings = Settings(Budget(1000, 10, 60), rounds=3, batches=(1,), scenarios=(), total_seconds=2)
    measured = run.measure(candidates, settings, dict.fromkeys(candidates, Shown(crops)), lambda _: None)
    told = [facts for rounds in measured.facts.values() for facts in rounds]
    assert {facts["status"] for facts in told} == {"ok"}
    assert all(1 <= len(facts["samples_ns"]) < 20 for facts in told)  # 334 calls of 30 ms were wished for


@pytest.mark.parametrize("fault", ["crash", "hang", "operator", "leak"])
def test_a_planted_fault_is_reported_as_what_it_is(tmp_path: Path, fault: str) -> None:
    check = selftest.fault(tmp_path, fault)
    assert check.passed, check.seen
