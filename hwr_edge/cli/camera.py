"""`hwr-edge camera`: what is written before a camera, in a video, or in a stream, as it happens."""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hwr_edge.cli import options
from hwr_edge.cli.cameras import list_them
from hwr_edge.cli.complaints import complain
from hwr_edge.cli.output import OutputError
from hwr_edge.cli.predict import Invert, Layout, hushed
from hwr_edge.cli.signals import like_ctrl_c
from hwr_edge.errors import ImageError

if TYPE_CHECKING:
    from hwr_edge import Recognizer
    from hwr_edge.ink import Pixels
    from hwr_edge.video.events import Event
    from hwr_edge.video.frames import Frames
    from hwr_edge.video.overlay import Overlay
    from hwr_edge.video.pipeline import Answer, Pipeline, Region
    from hwr_edge.video.recording import Recording
    from hwr_edge.video.stats import Stats
    from hwr_edge.video.window import Window

_INTERRUPTED = 130
_PAUSE = 50  # milliseconds between looks at the keyboard while the picture stands still
_SILENT = "-8"  # FFmpeg reports on stderr what we say in one line

_Format = StrEnum("_Format", ["text", "jsonl"])


def run(
    source: Annotated[
        str,
        typer.Option(
            metavar="SOURCE", help="a camera's number, /dev/videoN, a video, an address, a folder of frames"
        ),
    ] = "0",
    show_list: Annotated[bool, typer.Option("--list", help="list the cameras there are")] = False,
    width: Annotated[int | None, typer.Option(min=1, metavar="PIXELS", help="asked of the camera")] = None,
    height: Annotated[int | None, typer.Option(min=1, metavar="PIXELS", help="asked of the camera")] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            min=0.1, metavar="N", help="asked of the camera; a file is played at it, else read frame by frame"
        ),
    ] = None,
    roi: Annotated[
        str | None,
        typer.Option(metavar="X,Y,W,H", help="read only this part; in the window, draw it with the mouse"),
    ] = None,
    every: Annotated[int, typer.Option(min=1, metavar="N", help="read only each N-th frame")] = 1,
    max_frames: Annotated[int | None, typer.Option(min=1, metavar="N", help="end after so many")] = None,
    duration: Annotated[
        float | None, typer.Option(min=0, metavar="SECONDS", help="end after so much time")
    ] = None,
    display: Annotated[bool, typer.Option(help="show a window where there is a display")] = True,
    record: Annotated[
        str | None, typer.Option(metavar="FILE", help="write a video of what was seen and read there")
    ] = None,
    form: Annotated[
        _Format, typer.Option("--format", help="of what is told: texts, or events with characters")
    ] = _Format.text,
    model: options.Model = "latin62",
    layout: Annotated[Layout, typer.Option(help="what is on the picture")] = Layout.page,
    invert: Annotated[Invert, typer.Option(help="yes: the ink is light, no: dark")] = Invert.auto,
    charset: options.Charset = None,
    top_k: options.TopK = 5,
    min_confidence: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, metavar="P", help="0-1: share of the vote that makes a character stable [0.95]"
        ),
    ] = None,
    context: options.Context = True,
    pattern: Annotated[
        str | None, typer.Option(metavar="SHAPE", help="of a field, such as AA-0000, see predict --help")
    ] = None,
    lexicon: options.Lexicon = None,
    runtime: options.Runtime = options.RuntimeName.auto,
    device: options.Device = options.DeviceName.auto,
    threads: options.Threads = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="on stderr only errors")] = False,
    verbose: options.Verbose = False,
) -> int:
    """Read handwriting from a camera, a video, a stream or a folder of frames.

    Texts go to stdout once they are steady: a line for each that becomes stable or changes; with
    --format jsonl an event for each that becomes stable, changes or goes. In the window, q ends, s writes a
    picture, space stops and goes on, and the mouse draws the part to read (right click: all of it).
    """
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", _SILENT)
    if show_list:
        return list_them(form)
    from hwr_edge import Recognizer
    from hwr_edge.context.known import Known, read_lexicon
    from hwr_edge.video.frames import frames_of
    from hwr_edge.video.pipeline import Pipeline, Wishes
    from hwr_edge.video.sources import Wanted, open_source
    from hwr_edge.video.stats import Stats

    if threads:
        import cv2

        cv2.setNumThreads(threads)
    region = _region(roi)
    known = Known(context, pattern, read_lexicon(lexicon) if lexicon else ())
    with contextlib.nullcontext() if verbose or not sys.stderr else hushed():
        recognizer = Recognizer(model, runtime, device, threads, known)
    pipeline = Pipeline(recognizer, Wishes(layout, charset, top_k, min_confidence, invert), region)
    wanted, broken = Wanted(source, width, height, fps), []
    reason = _no_window() if display else ""
    if reason and not quiet:
        print(f"{reason}: going on without a window", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        stack.enter_context(like_ctrl_c())
        frames = frames_of(
            lambda: open_source(wanted, lambda error: broken.append(complain(error, error.exit_code))),
            every,
            fps is not None or reason is None,
            lambda message: print(f"{source}: {message}", file=sys.stderr),
        )
        stack.callback(frames.close)
        session = _Session(form, pipeline, Stats(), _overlay(recognizer), quiet)
        if record:
            session.recording = stack.enter_context(_recording(record, frames.rate / every, source))
        if reason is None:
            session.window = stack.enter_context(_window())
        code = 0
        try:
            _watch(session, frames, max_frames, duration)
        except KeyboardInterrupt:
            code = _INTERRUPTED
        finally:
            session.end(recognizer)
    if not session.stats.answered and not code and not broken:
        raise ImageError(f"{source}: holds no frames: check that it plays")
    return code or (broken[0] if broken else 0)


@dataclass
class _Session:
    """What one run of the command has in hand."""

    form: str
    pipeline: "Pipeline"
    stats: "Stats"
    overlay: "Overlay"
    quiet: bool
    window: "Window | None" = None
    recording: "Recording | None" = None
    lines: tuple[str, ...] = ()

    def tell(self, event: "Event") -> None:
        """One event on stdout."""
        if self.form == "jsonl":
            print(json.dumps(event.to_dict(), ensure_ascii=False), flush=True)
        elif event.text:
            print(event.text, flush=True)

    def end(self, recognizer: "Recognizer") -> None:
        """The figures of the run: on stderr, and as the last event."""
        from hwr_edge.video.events import SCHEMA

        if self.form == "jsonl":
            reader = {"model": recognizer.model._asdict(), "runtime": recognizer.runtime.name}
            last = {"schema": SCHEMA, "event": "end", "lines": list(self.lines), **reader}
            print(json.dumps({**last, **self.stats.to_dict()}, ensure_ascii=False), flush=True)
        if not self.quiet:
            print("\n".join(self.stats.lines()), file=sys.stderr)


def _watch(session: _Session, frames: "Frames", most: int | None, duration: float | None) -> None:
    """Read frames until they end, or as many or as long as was asked for."""
    begin: float | None = None
    for frame in frames:
        begin = frame.at if begin is None else begin
        if duration is not None and frame.at - begin >= duration:
            return
        answer = session.pipeline.step(frame)
        session.lines = answer.lines
        for event in answer.events:
            session.tell(event)
        done = time.perf_counter()
        session.stats.dropped = frames.dropped
        session.stats.add({**answer.stages, "latency": 1000 * (done - frame.taken)}, answer.changed, done)
        if (session.window or session.recording) and not _show(session, answer):
            return
        if session.stats.answered == most:
            return


def _show(session: _Session, answer: "Answer") -> bool:
    """Draw, record and show one answer; returns whether to go on."""
    start = time.perf_counter()
    picture = session.overlay.draw(answer, session.stats)
    session.stats.stage("draw", 1000 * (time.perf_counter() - start))
    if session.recording:
        with _as_output_error():
            session.recording.add(picture, answer.frame.at)
    window = session.window
    if window is None:
        return True
    key = window.show(picture)
    if key == " ":
        while (key := window.show(picture.copy(), _PAUSE)) not in {" ", "q"}:
            if key == "s":
                _snapshot(picture)
    if key == "s":
        _snapshot(picture)
    if window.drawn:
        session.pipeline.region, window.drawn = window.region, False
    return key != "q"


def _snapshot(picture: "Pixels") -> None:
    import cv2

    from hwr_edge.modelfile import write_atomic

    path = Path(time.strftime("hwr-edge-%Y%m%d-%H%M%S.png"))
    with _as_output_error():
        write_atomic(path, cv2.imencode(".png", picture)[1].tobytes())
    print(f"{path} written", file=sys.stderr)


def _region(text: str | None) -> "Region | None":
    if text is None:
        return None
    from hwr_edge.decode import OptionError

    try:
        x, y, width, height = (int(part) for part in text.split(","))
    except ValueError:
        width = 0
    if width <= 0 or height <= 0 or x < 0 or y < 0:
        raise OptionError(f"--roi {text} is no rectangle: give X,Y,W,H in pixels, such as 100,50,400,300")
    return x, y, width, height


def _no_window() -> str | None:
    from hwr_edge.video.window import why_no_window

    return why_no_window()


def _overlay(recognizer: "Recognizer") -> "Overlay":
    from hwr_edge.video.overlay import Overlay

    spec = recognizer.spec
    return Overlay(dict(zip(spec.labels, spec.romanised, strict=False)))


@contextlib.contextmanager
def _window() -> "Iterator[Window]":
    from hwr_edge.video.window import Window

    window = Window("hwr-edge camera")
    try:
        yield window
    finally:
        window.close()


@contextlib.contextmanager
def _recording(path: str, rate: float, source: str) -> "Iterator[Recording]":
    from hwr_edge.video.recording import Recording

    if os.path.exists(path) and os.path.exists(source) and os.path.samefile(path, source):
        raise OutputError(f"{path} is what is being read: give another file for the recording")
    with _as_output_error():
        recording = Recording(Path(path).resolve(), rate)
    try:
        yield recording
    finally:
        with _as_output_error():
            if recording.close():
                print(f"{path} written", file=sys.stderr)


@contextlib.contextmanager
def _as_output_error() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(str(error)) from None
