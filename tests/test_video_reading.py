"""Newest frames, crops read once, figures that stay small, and the real clip."""

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks import camera
from hwr_edge.errors import DeviceError
from hwr_edge.video import frames as grabbing
from hwr_edge.video.frames import Frame, InTurn, Newest
from hwr_edge.video.memory import Remembering
from hwr_edge.video.pipeline import Pipeline, differs
from hwr_edge.video.recording import Recording
from hwr_edge.video.sources import Shot
from hwr_edge.video.stats import Stats
from tests.fakes import FakeRuntime, fake_recognizer, written

Picture = NDArray[np.uint8]


class Counting:
    """A source whose pictures are their own numbers; sends one a millisecond, then nothing more."""

    name = "counting"
    rate = 1000.0

    def __init__(self, count: int, live: bool = True) -> None:
        self.live = live
        self._left: Iterator[int] = iter(range(count))

    def read(self) -> Shot | None:
        time.sleep(0.001)
        number = next(self._left, None)
        return None if number is None else Shot(time.perf_counter(), np.full((4, 4), number % 256, np.uint8))

    def close(self) -> None:
        pass


def test_a_slow_reader_gets_only_the_newest_frame() -> None:
    frames = Newest(Counting(100, live=False), lambda: Counting(0), 1, print)
    seen = []
    for frame in frames:
        time.sleep(0.01)
        seen.append(frame.number)
    assert seen == sorted(set(seen))
    assert seen[-1] == 99
    assert len(seen) < 60
    assert frames.dropped == 100 - len(seen)
    frames.close()


def test_every_frame_of_a_file_comes_in_turn_on_its_own_clock() -> None:
    found = [(frame.number, frame.at) for frame in InTurn(Counting(10), 3)]
    assert found == [(0, 0.0), (3, 0.003), (6, 0.006), (9, 0.009)]


def test_a_source_that_comes_back_is_read_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grabbing, "RETRIES", (0.001, 0.001))
    tries: list[DeviceError | Counting] = [DeviceError("not yet"), Counting(5), *[DeviceError("no")] * 2]
    said: list[str] = []

    def again() -> Counting:
        result = tries.pop(0)
        if isinstance(result, DeviceError):
            raise result
        return result

    frames = Newest(Counting(5), again, 1, said.append)
    numbers = []
    with pytest.raises(DeviceError, match="given up after 2 tries"):
        numbers += [frame.number for frame in frames]
    assert len(said) == 4
    frames.close()


class Echo:
    """A runtime that answers with the first pixels of each crop and counts its crops."""

    name, device = "echo", "cpu"

    def __init__(self) -> None:
        self.count = 0

    def run(self, batch: Picture) -> NDArray[np.float32]:
        self.count += len(batch)
        return batch[:, 0, :3, 0].astype(np.float32)


def test_what_looks_the_same_is_read_once() -> None:
    random = np.random.default_rng(0)
    batch = random.integers(0, 256, (6, 16, 16, 1), np.uint8)
    echo = Echo()
    memory = Remembering(echo)
    first = memory.run(batch)
    memory.turn()
    near = np.clip(batch.astype(int) + random.integers(-2, 3, batch.shape), 0, 255).astype(np.uint8)
    assert np.array_equal(memory.run(near[::-1]), first[::-1])
    assert (echo.count, memory.read) == (6, 0)
    near[2] = random.integers(0, 256, near[2].shape)
    memory.turn()
    memory.run(near)
    assert (echo.count, memory.read) == (7, 1)


def test_slow_changes_add_up_until_they_count() -> None:
    echo = Echo()
    memory = Remembering(echo)
    for level in range(0, 60, 2):
        memory.turn()
        memory.run(np.full((1, 16, 16, 1), level, np.uint8))
    assert 5 <= echo.count <= 15


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, 8), max_size=12), max_size=8))
def test_answers_are_those_of_the_runtime_inside(turns: list[list[int]]) -> None:
    memory, plain = Remembering(Echo()), Echo()
    for levels in turns:
        memory.turn()
        batch = np.array(levels, np.uint8).reshape(-1, 1, 1, 1) * np.full((1, 4, 4, 1), 30, np.uint8)
        assert np.array_equal(memory.run(batch), plain.run(batch))


def test_noise_is_no_change_and_a_dot_is() -> None:
    random = np.random.default_rng(0)
    page = written("273")
    noisy = np.clip(page + random.normal(0, 3, page.shape), 0, 255).astype(np.uint8)
    assert not differs(page, noisy)
    dotted = page.copy()
    dotted[30:33, 40:43] = 40
    assert differs(page, dotted)
    assert differs(page, page[:-8])


def test_only_boxes_that_changed_are_recognised_again() -> None:
    recognizer = fake_recognizer()
    pipeline = Pipeline(recognizer)
    read = []
    for number, text in enumerate(["2735", "2735", "2785", "2785"]):
        read.append(pipeline.step(Frame(written(text), number, number / 25, time.perf_counter())).read)
    assert read == [4, 0, 1, 0]
    assert isinstance(recognizer.runtime, FakeRuntime)
    assert recognizer.runtime.batches == [4, 1]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="tells no memory")
def test_two_thousand_frames_take_no_more_memory_than_two_hundred() -> None:
    random = np.random.default_rng(0)
    pages = [written(text, 24) for text in ("273", "815", "  9")]
    pipeline, stats = Pipeline(fake_recognizer()), Stats()

    def step(number: int) -> None:
        page = np.roll(pages[number // 7 % 3], number % 5, axis=1)
        noisy = np.clip(page + random.integers(-12, 13, page.shape), 0, 255).astype(np.uint8)
        answer = pipeline.step(Frame(noisy, number, number / 25, time.perf_counter()))
        stats.add(answer.stages, answer.changed, number / 25)

    for number in range(400):
        step(number)
    before = camera.resident()
    for number in range(400, 2000):
        step(number)
    assert stats.answered == 2000
    # The figures of each stage, kept up to a fixed number, and what the allocator holds back; no more.
    assert camera.resident() - before < 5


def test_figures_keep_only_the_newest_values() -> None:
    stats = Stats()
    for number in range(20_000):
        stats.add({"latency": float(number)}, number % 2 == 0, number / 50)
    assert stats.percentiles()["latency"][0] > 15_000
    assert stats.fps == pytest.approx(50)
    assert stats.to_dict()["unchanged"] == 10_000


def test_a_recording_runs_as_long_as_what_it_shows(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "out.avi", 10)
    picture = cv2.cvtColor(written("273"), cv2.COLOR_GRAY2BGR)
    for at in (5.0, 5.1, 5.12, 5.6, 6.0):
        recording.add(picture, at)  # type: ignore[arg-type]
    assert not (tmp_path / "out.avi").exists()
    assert recording.close()
    video = cv2.VideoCapture(str(tmp_path / "out.avi"))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 11
    assert [path.name for path in tmp_path.iterdir()] == ["out.avi"]


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize(
    "feed", [camera.steady, camera.once, camera.aslant], ids=["looped", "once", "aslant"]
)
def test_the_clip_reads_steadily(data_dir: Path, feed: Callable[[Path], list[dict[str, object]]]) -> None:
    for row in feed(data_dir):
        assert row["met"], row
