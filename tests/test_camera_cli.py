"""`hwr-edge camera` as users type it, from files, folders and a stream; in this process and as its own."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import hwr_edge
from hwr_edge.cli import main
from hwr_edge.video import frames as grabbing
from hwr_edge.video import sources, window
from tests.fakes import fake_recognizer, write_onnx, written

Run = Callable[..., tuple[int, str, str]]
Picture = NDArray[np.uint8]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command line without a display; its exit code, stdout and stderr."""
    monkeypatch.setattr(hwr_edge, "Recognizer", lambda *_: fake_recognizer(), raising=False)
    monkeypatch.setattr(window, "why_no_window", lambda: "there is no display")

    def run(*words: object) -> tuple[int, str, str]:
        code = main(["camera", *map(str, words)])
        return code, *capsys.readouterr()

    return run


def video(path: Path, pictures: Sequence[Picture], rate: float = 25) -> Path:
    size = pictures[0].shape[1], pictures[0].shape[0]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), rate, size)
    for picture in pictures:
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten frames of 273, then ten of 275."""
    return video(tmp_path / "clip.avi", [written("273")] * 10 + [written("275")] * 10)


def frames_of(path: Path) -> list[Picture]:
    capture, found = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        found.append(read[1])
    return found  # type: ignore[return-value]


class Stream:
    """An MJPEG server on the loopback address; each connection gets the next list of pictures."""

    def __init__(self, *connections: Sequence[Picture], step: float = 0.01) -> None:
        waiting = [[cv2.imencode(".jpg", one)[1].tobytes() for one in pictures] for pictures in connections]

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if not waiting:
                    self.send_error(503)
                    return
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                for data in waiting.pop(0):
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + data + b"\r\n")
                    except OSError:
                        return
                    time.sleep(step)

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def test_a_file_is_read_frame_by_frame_and_each_steady_text_is_a_line(run: Run, clip: Path) -> None:
    code, out, err = run("--source", clip)
    assert (code, out) == (0, "273\n275\n")
    assert "there is no display: going on without a window" in err
    assert "20 frames read (18 unchanged), 0 dropped" in err
    assert "latency" in err


def test_events_tell_what_became_stable_changed_and_went(run: Run, tmp_path: Path) -> None:
    pictures = [written("273")] * 10 + [written("275")] * 10 + [written("   ")] * 30
    code, out, err = run("--source", video(tmp_path / "c.avi", pictures), "--format", "jsonl", "--quiet")
    records = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    told = [(record["event"], record["was"], record["text"]) for record in records[:-1]]
    assert told == [("stable", "", "273"), ("changed", "273", "275"), ("gone", "275", "")]
    assert [one["label"] for one in records[0]["characters"]] == ["2", "7", "3"]
    assert records[0]["time"] == pytest.approx(records[0]["frame"] / 25, abs=1e-3)
    assert {record["schema"] for record in records} == {"hwr-edge/camera/1"}
    assert records[-1]["event"] == "end"
    assert records[-1]["answered"] == 50
    assert records[-1]["stages_ms"]["latency"]["p95"] > 0


def test_a_folder_of_frames_is_read_in_natural_order_and_a_bad_one_left_out(run: Run, tmp_path: Path) -> None:
    for number in range(12):
        cv2.imwrite(str(tmp_path / f"{number}.png"), written("273" if number < 6 else "81"))
    (tmp_path / "5.png").write_bytes(b"no picture")
    code, out, err = run("--source", tmp_path, "--quiet")
    assert (code, out) == (3, "273\n81\n")
    assert len(err.splitlines()) == 1
    assert "5.png" in err


def test_frames_may_change_size(run: Run, tmp_path: Path) -> None:
    for number in range(16):
        cv2.imwrite(str(tmp_path / f"{number}.png"), written("273", 60 if number < 8 else 44))
    code, out, _ = run("--source", tmp_path, "--record", tmp_path / "out.avi")
    assert (code, out.splitlines()[0]) == (0, "273")
    assert {frame.shape for frame in frames_of(tmp_path / "out.avi")} == {(*written("273").shape, 3)}


def test_every_limits_and_region_are_heeded(run: Run, clip: Path) -> None:
    def end(*words: object) -> dict[str, object]:
        last: dict[str, object] = json.loads(
            run("--source", clip, "--format", "jsonl", *words)[1].splitlines()[-1]
        )
        return last

    assert end("--every", 3)["answered"] == 7
    assert end("--max-frames", 4)["answered"] == 4
    assert end("--duration", 0.2)["answered"] == 5
    assert end("--roi", "0,0,170,180", "--duration", 0.4)["lines"] == ["27"]


def test_the_recording_shows_what_was_read_and_appears_whole(run: Run, clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    assert run("--source", clip, "--record", target)[0] == 0
    shown = frames_of(target)
    assert len(shown) == 20
    plain = cv2.cvtColor(written("273"), cv2.COLOR_GRAY2BGR)
    green = (shown[8][..., 1].astype(int) - shown[8][..., 2] > 60).sum()
    assert green > 50
    assert shown[8].shape == plain.shape
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.avi", "out.mp4"]


@pytest.mark.parametrize("name", ["out.txt", "none/out.mp4", "."])
def test_a_recording_that_cannot_be_written_says_so(run: Run, clip: Path, tmp_path: Path, name: str) -> None:
    code, out, err = run("--source", clip, "--record", tmp_path / name, "-q")
    assert (code, out, len(err.splitlines())) == (2, "", 1)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--source", "97"], 5),
        (["--source", "/dev/video97"], 5),
        (["--source", "http://127.0.0.1:9/"], 5),
        (["--source", "missing.mp4"], 3),
        (["--source", "{empty}"], 3),
        (["--source", "{text}"], 3),
        (["--source", "{frameless}"], 3),
        (["--source", "{clip}", "--width", "640"], 2),
        (["--source", "{clip}", "--roi", "1,2,3"], 2),
        (["--source", "{clip}", "--roi", "9000,0,20,20"], 2),
        (["--source", "{clip}", "--charset", "xyz"], 2),
        (["--source", "{clip}", "--every", "0"], 2),
    ],
)
def test_bad_input_is_one_sentence_and_its_code(
    run: Run, clip: Path, tmp_path: Path, words: list[str], code: int
) -> None:
    places = {"empty": tmp_path / "empty.mp4", "text": tmp_path / "text.mp4"}
    places["empty"].touch()
    places["text"].write_text("no video at all\n" * 100)
    places["clip"] = clip
    places["frameless"] = tmp_path / "frameless"
    places["frameless"].mkdir()
    found = run(*(word.format(**places) for word in words), "--quiet")
    assert (found[0], found[1], len(found[2].splitlines())) == (code, "", 1)


def test_list_without_a_camera_is_one_sentence(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "list_cameras", list)
    code, out, err = run("--list")
    assert (code, out, len(err.splitlines())) == (5, "", 1)


def test_list_names_the_cameras(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    cameras = [
        sources.Camera(0, "Built-in", (1280, 720), 30.0),
        sources.Camera(2, "Other", None, None),
    ]
    monkeypatch.setattr(sources, "list_cameras", lambda: cameras)
    assert run("--list")[:2] == (0, "0  Built-in  1280x720 at 30 fps\n2  Other  busy\n")
    assert json.loads(run("--list", "--format", "jsonl")[1].splitlines()[0])["name"] == "Built-in"


def test_a_stream_is_read_and_opened_again_when_it_breaks_off(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grabbing, "RETRIES", (0.01, 0.02))
    with Stream([written("273")] * 60, [written("81")] * 60, step=0.04) as stream:
        code, out, err = run("--source", stream.url, "--format", "jsonl")
    *events, end = [json.loads(line) for line in out.splitlines()]
    assert [event["text"] for event in events if event["event"] != "gone"][-1:] == ["81"]
    assert end["answered"] + end["dropped"] <= 120
    assert code == 5
    assert "trying again" in err
    assert "given up after 2 tries" in err.splitlines()[-1]


@pytest.mark.usefixtures("bundled")
def test_the_clip_is_read_from_a_network_stream(data_dir: Path) -> None:
    pictures = frames_of(data_dir / "webcam-digits.mp4")
    with Stream(pictures + pictures[-1:] * 60, step=0.04) as stream:
        done = process("--source", stream.url, "-m", "digits", "--format", "jsonl", "--duration", 3)
    end = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stderr
    assert [text[:4] for text in end["lines"]] == ["2718", "8135", "4509", "0036"]


def process(*words: object, **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command(*words), capture_output=True, check=False, **options)  # type: ignore[call-overload,no-any-return]


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "hwr_edge", "camera", "--no-display", *map(str, words)]


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_whoever_ends_it_the_recording_is_finished(tmp_path: Path, name: str) -> None:
    model, target = write_onnx(tmp_path / "digits.onnx"), tmp_path / "out.mp4"
    with Stream([written("273")] * 2000) as stream:
        words = command("--source", stream.url, "-m", model, "--record", target)
        running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert running.stdout is not None
        assert running.stdout.readline() == "273\n"
        running.send_signal(signal.Signals[name])
        out, err = running.communicate(timeout=20)
    assert running.returncode == 130
    assert out == ""
    assert "frames read" in err
    assert "Traceback" not in err
    assert len(frames_of(target)) > 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits.onnx", "out.mp4"]


def test_a_recording_never_replaces_what_is_read(run: Run, clip: Path) -> None:
    before = clip.read_bytes()
    code, out, err = run("--source", clip, "--record", clip, "--quiet")
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert clip.read_bytes() == before


@pytest.mark.skipif(os.name == "nt", reason="no ulimit")
def test_a_full_disk_leaves_no_broken_recording(tmp_path: Path, clip: Path) -> None:
    words = command("--source", clip, "-m", write_onnx(tmp_path / "digits.onnx"), "-q")
    limited = ["sh", "-c", 'ulimit -f 4; exec "$@"', "sh", *words, "--record", str(tmp_path / "out.mp4")]
    done = subprocess.run(limited, capture_output=True, check=False, text=True)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].endswith("could not be finished: is the disk full?")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.avi", "digits.onnx"]


class Screen:
    """What OpenCV's window functions were told, and the keys they answer with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
        self.shown: list[Picture] = []
        self.mouse: Callable[..., None] = lambda *_: None
        self._keys = iter(keys)
        monkeypatch.setattr(window, "why_no_window", lambda: None)
        monkeypatch.setattr(cv2, "namedWindow", lambda *_: None)
        monkeypatch.setattr(cv2, "setMouseCallback", lambda _, call: setattr(self, "mouse", call))
        monkeypatch.setattr(cv2, "imshow", lambda _, picture: self.shown.append(picture))
        monkeypatch.setattr(cv2, "waitKey", lambda _: ord(next(self._keys, "q").replace(".", "\xff")))
        monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
        monkeypatch.setattr(cv2, "destroyWindow", lambda *_: None)


def test_keys_end_stop_and_take_pictures(
    run: Run, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen(monkeypatch, ".. s... .q")
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("--source", clip, "--format", "jsonl", "--fps", 8)
    assert code == 0
    assert len(screen.shown) == 10
    assert json.loads(out.splitlines()[-1])["answered"] == 5
    assert len(list(tmp_path.glob("hwr-edge-*.png"))) == 1


def test_the_mouse_draws_what_is_read(run: Run, clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen(monkeypatch, "." * 5 + "q")

    def drag(picture: Picture) -> None:
        screen.shown.append(picture)
        if len(screen.shown) == 1:
            for event, at in ((cv2.EVENT_LBUTTONDOWN, (0, 0)), (cv2.EVENT_LBUTTONUP, (170, 180))):
                screen.mouse(event, *at, 0, None)

    monkeypatch.setattr(cv2, "imshow", lambda _, picture: drag(picture))
    _, out, _ = run("--source", clip, "--format", "jsonl", "--fps", 8)
    assert json.loads(out.splitlines()[-1])["lines"] == ["27"]


def test_a_process_without_a_display_goes_on(tmp_path: Path) -> None:
    for number in range(6):
        cv2.imwrite(str(tmp_path / f"{number}.png"), written("273"))
    model = write_onnx(tmp_path / "digits.onnx")
    words = [sys.executable, "-m", "hwr_edge", "camera", "--source", str(tmp_path), "-m", str(model)]
    environment = {k: v for k, v in os.environ.items() if k not in {"DISPLAY", "WAYLAND_DISPLAY"}}
    for display in ({}, {"DISPLAY": ":97"}):  # none, and one that is not there, at which Qt aborts
        done = subprocess.run(
            words, capture_output=True, check=False, env={**environment, **display}, text=True
        )
        assert (done.returncode, done.stdout) == (0, "273\n"), done.stderr
        assert "going on without a window" in done.stderr.splitlines()[0]


@pytest.fixture(autouse=True)
def _no_threads_left() -> Iterator[None]:
    yield
    deadline = time.monotonic() + 5
    while any(thread.name == "grabber" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a grabber was left running"
        time.sleep(0.01)
