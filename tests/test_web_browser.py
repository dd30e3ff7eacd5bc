"""The page in a real browser: drawing, pictures, camera, keyboard, and the folder that needs no server."""

import base64
import contextlib
import functools
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from benchmarks.browser import chromium, launch, pen_to_text, write
from hwr_edge.image import to_batch
from hwr_edge.ink import char_crop
from hwr_edge.recognizer import Recognizer
from tests.servers import Served, serving

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.skipif(chromium() is None, reason="no Chromium is installed")


@pytest.fixture(scope="module")
def served(bundled: Path) -> Iterator[Served]:
    models = [Recognizer(name, threads=1) for name in ("latin62", "digits", "hangul")]
    with serving(models) as one:
        yield one


@pytest.fixture(scope="module")
def clip(data_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two frames of the webcam clip, from where it is steady, as a file that Chromium takes for a camera."""
    video = cv2.VideoCapture(str(data_dir / "webcam-digits.mp4"))
    for _ in range(6):
        video.grab()
    path = tmp_path_factory.mktemp("camera") / "clip.y4m"
    with path.open("wb") as out:
        for number in range(2):
            frame = video.read()[1]
            frame = frame[: frame.shape[0] // 2 * 2, : frame.shape[1] // 2 * 2]
            if not number:
                out.write(f"YUV4MPEG2 W{frame.shape[1]} H{frame.shape[0]} F10:1 Ip C420jpeg\n".encode())
            out.write(b"FRAME\n" + cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420).tobytes())
    video.release()
    return path


@pytest.fixture(scope="module")
def playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as one:
        yield one


@pytest.fixture(scope="module")
def browser(playwright: Any) -> Iterator[Any]:
    made = launch(playwright)
    yield made
    made.close()


@pytest.fixture
def page(browser: Any, served: Served) -> Iterator[Any]:
    with _opened(browser, served.address) as one:
        yield one


class _opened:  # noqa: N801 - reads as a function
    """A page that fails the test on any script error or refused resource."""

    def __init__(self, browser: Any, address: str, **how: Any) -> None:
        self._context = browser.new_context(viewport={"width": 1000, "height": 760}, **how)
        self._address = address
        self._wrong: list[str] = []

    def __enter__(self) -> Any:
        page = self._context.new_page()
        page.on("pageerror", lambda error: self._wrong.append(str(error)))
        page.on("console", lambda said: self._wrong.extend(_complaint(said)))
        page.on("request", lambda request: self._wrong.extend(_foreign(request.url, self._address)))
        page.goto(self._address)
        page.wait_for_selector("html[data-ready]")
        return page

    def __exit__(self, kind: object, *_: object) -> None:
        self._context.close()
        assert kind is not None or not self._wrong


def _complaint(said: Any) -> list[str]:
    """Errors in the console, but not that the server refused a picture."""
    return [said.text] if said.type == "error" and "status of 4" not in said.text else []


def _foreign(url: str, address: str) -> list[str]:
    return [] if url.startswith((address, "blob:", "data:")) else [f"fetched {url}"]


def expect_text(page: Any, text: str) -> None:
    from playwright.sync_api import expect

    expect(page.locator("#text")).to_have_text(text, timeout=20_000)


def until(page: Any, expression: str, seconds: float = 20) -> None:
    """Wait for a JavaScript expression; Playwright's own waiting evaluates it against the page's policy."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression}: {page.locator('#text').inner_text()!r}"
        page.wait_for_timeout(50)


def test_a_drawing_is_read_undone_and_cleared(page: Any) -> None:
    write(page, "R", 80, 120, 150)
    expect_text(page, "R")
    write(page, "t", 300, 120, 150)
    expect_text(page, "Rt")
    assert page.locator("#draw .boxes rect").count() == 2
    page.keyboard.press("Control+z")
    page.click("#undo")
    expect_text(page, "R")
    page.click("#clear")
    expect_text(page, "")
    assert page.locator("#undo").is_disabled()


def test_the_answer_to_the_last_stroke_is_timed(page: Any) -> None:
    spent = pen_to_text(page, ["Rt", "7"])
    assert len(spent) == 3
    assert min(spent) > 0


def test_alternatives_and_the_model_s_view_follow_the_chosen_character(page: Any) -> None:
    write(page, "Rt", 80, 120, 150)
    expect_text(page, "Rt")
    assert page.locator("#bars b").first.inner_text() == "t"
    last = page.evaluate("document.getElementById('seen').toDataURL()")
    page.locator("#letters button").first.click()
    assert page.locator("#bars b").first.inner_text() == "R"
    assert page.locator("#bars li").count() == 5
    until(page, f"document.getElementById('seen').toDataURL() !== '{last}'")


def test_model_and_charset_are_chosen(page: Any) -> None:
    write(page, "t", 100, 120, 150)
    expect_text(page, "t")
    page.select_option("#charset", "upper")
    until(page, "/^[A-Z]$/.test(document.getElementById('text').textContent)")
    page.select_option("#charset", "custom")
    page.fill("#characters", "x-z")
    until(page, "'xyz'.includes(document.getElementById('text').textContent)")
    page.select_option("#model", "digits")
    until(page, "'0123456789'.includes(document.getElementById('text').textContent)")


def test_an_upload_is_read_with_boxes_over_the_page(page: Any) -> None:
    page.set_input_files("#file", ROOT / "examples" / "number.png")
    page.select_option("#model", "digits")
    expect_text(page, "20581749")
    assert page.locator("#picture .boxes rect").count() == 8
    page.locator("#picture .boxes rect").nth(2).click()
    assert page.locator("#bars b").first.inner_text() == "5"


def test_a_pasted_and_a_dropped_picture_are_read(page: Any) -> None:
    data = base64.b64encode((ROOT / "examples" / "number.png").read_bytes()).decode()
    for event, holder in (("paste", "clipboardData"), ("drop", "dataTransfer")):
        page.reload()
        page.wait_for_selector("html[data-ready]")
        page.select_option("#model", "digits")
        page.evaluate(
            """([event, holder, data]) => {
                const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
                const files = new DataTransfer();
                files.items.add(new File([bytes], "number.png", { type: "image/png" }));
                const Kind = event === "paste" ? ClipboardEvent : DragEvent;
                document.dispatchEvent(new Kind(event, { [holder]: files, cancelable: true }));
            }""",
            [event, holder, data],
        )
        expect_text(page, "20581749")


def test_an_unreadable_upload_says_why(page: Any, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes((ROOT / "examples" / "number.png").read_bytes()[:500])
    with page.expect_response("**/v1/predict*") as answer:
        page.set_input_files("#file", broken)
    assert answer.value.status == 422
    until(page, "document.getElementById('status').textContent.includes('cut off')")


def test_the_keyboard_reaches_everything(page: Any) -> None:
    page.locator("#tab-draw").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#picture").is_visible()
    assert page.evaluate("document.activeElement.id") == "tab-picture"
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "file"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowLeft")
    write(page, "Rt", 80, 120, 150)
    expect_text(page, "Rt")
    page.locator("#letters button").last.focus()
    page.keyboard.press("ArrowLeft")
    assert page.locator("#bars b").first.inner_text() == "R"


def test_every_control_has_a_name(page: Any) -> None:
    nameless = page.evaluate(
        """[...document.querySelectorAll("button, select, input, canvas, video, [role]")]
            .filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim()
                || one.getAttribute("aria-labelledby") || one.id === "status"))
            .map((one) => one.id)"""
    )
    assert nameless == []


def test_fingers_draw_on_a_narrow_screen(browser: Any, served: Served) -> None:
    phone = {"has_touch": True, "is_mobile": True, "color_scheme": "dark"}
    with _opened(browser, served.address, **phone) as page:
        page.set_viewport_size({"width": 360, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        corner = page.locator("#pad").bounding_box()
        finger = page.context.new_cdp_session(page)
        x = corner["x"] + 150
        for kind, y in (("Start", 40), ("Move", 70), ("Move", 110), ("Move", 150), ("End", None)):
            points = [] if y is None else [{"x": x, "y": corner["y"] + y}]
            finger.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
        until(page, "'1lI'.includes(document.getElementById('text').textContent || '-')")


def test_the_camera_is_read(playwright: Any, served: Served, clip: Path) -> None:
    flags = ("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
    browser = launch(playwright, *flags, f"--use-file-for-fake-video-capture={clip}")
    with contextlib.closing(browser), _opened(browser, served.address) as page:
        page.select_option("#model", "digits")
        page.click("#tab-camera")
        page.click("#film")
        until(page, "document.querySelectorAll('#camera .boxes rect').length >= 17")
        read = page.locator("#text").inner_text()
        page.click("#film")
        assert page.locator("#asleep").is_visible()
    assert sum(character.isdigit() for character in read) >= 17


def test_a_browser_without_a_camera_says_so(page: Any) -> None:
    page.click("#tab-camera")
    page.click("#film")
    until(page, "document.getElementById('status').textContent.includes('amera')")
    assert page.locator("#status.wrong").is_visible()


@pytest.fixture(scope="module")
def folder(bundled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hwr_edge.errors import RuntimeMissingError
    from hwr_edge.web.folder import write as write_folder

    try:
        return write_folder(tmp_path_factory.mktemp("static") / "page")
    except RuntimeMissingError as error:
        pytest.skip(str(error))


@pytest.fixture
def static(folder: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_folder_reads_in_the_browser_what_python_reads(browser: Any, static: str, bundled: Path) -> None:
    """The same pixels of each drawing, through JavaScript and through Python: inputs and answers agree."""
    reader = Recognizer(bundled / "latin62.onnx", "onnxruntime")
    with _opened(browser, static) as page:
        for character, x, y, size, charset in (
            ("R", 150, 90, 180, ""),
            ("8", 20, 40, 60, ""),
            ("g", 260, 60, 300, ""),
            ("t", 100, 60, 200, "upper"),  # a small letter where capitals are asked for
            ("i", 30, 5, 90, ""),
            ("i", 150, -30, 200, ""),  # its dot is cut by the upper edge
        ):
            write(page, character, x, y, size, step=12)
            until(page, "document.getElementById('letters').children.length === 1")
            drawing, answer, rejected = page.evaluate(_ASK, charset)
            theirs = reader.predict(base64.b64decode(drawing), "char", charset or None)
            assert rejected == theirs.rejected
            assert [one["label"] for one in answer["alternatives"]] == [
                one.label for one in theirs.characters[0].alternatives
            ]
            assert answer["confidence"] == pytest.approx(theirs.characters[0].confidence, abs=0.01)
            assert answer["box"] == list(theirs.characters[0].box)
            seen = cv2.imdecode(
                np.frombuffer(base64.b64decode(answer["seen"]), np.uint8), cv2.IMREAD_GRAYSCALE
            )
            pixels = cv2.imdecode(np.frombuffer(base64.b64decode(drawing), np.uint8), cv2.IMREAD_GRAYSCALE)
            crop = char_crop(pixels)  # type: ignore[arg-type]
            assert crop is not None
            expected = to_batch([crop.patch], reader.spec.input)[0, :, :, 0].astype(int)
            assert np.abs(seen - expected).max() <= 3
            page.click("#clear")
            expect_text(page, "")
        for number in range(12):  # a hatching is no character, to either
            for line in (
                (40 + 20 * number, 40, 140 + 20 * number, 260),
                (40, 40 + 18 * number, 360, 60 + 18 * number),
            ):
                draw_line(page, *line)
        until(page, "document.getElementById('status').textContent.includes('hardly one character')")
        drawing, _, rejected = page.evaluate(_ASK, "")
        assert rejected == reader.predict(base64.b64decode(drawing), "char").rejected == "low_confidence"


def test_the_folder_finds_faint_strokes_in_grain_where_python_does(browser: Any, static: str) -> None:
    picture = np.full((60, 80), 190, np.uint8)
    cv2.line(picture, (30, 15), (50, 45), 152, 4)
    grain = np.random.default_rng(0).normal(0, 9, picture.shape)
    noisy = np.clip(picture + grain, 0, 255).astype(np.uint8)
    with _opened(browser, static) as page:
        box, ink = page.evaluate(_CROP, {"width": 80, "height": 60, "data": noisy.ravel().tolist()})
    crop = char_crop(noisy, "no")
    assert crop is not None
    assert box == list(crop.box)
    assert np.abs(np.array(ink) - crop.patch.ravel()).max() <= 3


_CROP = """async ({ width, height, data }) => {
    const { charCrop } = await import("/assets/prepare.js");
    const { box, patch } = charCrop({ width, height, data: Uint8Array.from(data) });
    return [box, Array.from(patch.data)];
}"""


def draw_line(page: Any, x0: float, y0: float, x1: float, y1: float) -> None:
    corner = page.locator("#pad").bounding_box()
    page.mouse.move(corner["x"] + x0, corner["y"] + y0)
    page.mouse.down()
    page.mouse.move(corner["x"] + x1, corner["y"] + y1)
    page.mouse.up()


def test_the_folder_says_that_it_reads_one_character_at_a_time(browser: Any, static: str) -> None:
    status = "document.getElementById('status').textContent"
    with _opened(browser, static) as page:
        assert "one character at a time" in page.locator("#note").inner_text()
        write(page, "R", 60, 90, 150)
        expect_text(page, "R")
        assert page.evaluate(status) == ""
        write(page, "tgm", 200, 90, 150)
        until(page, f"{status}.includes('hardly one character')")


# The drawing as the page hands it on, as a PNG; and what the page's own engine answers to it.
_ASK = """async (charset) => {
    const engine = await import("./assets/engine.js");
    const canvas = document.createElement("canvas");
    const pad = document.getElementById("pad");
    [canvas.width, canvas.height] = [pad.width, pad.height];
    const context = canvas.getContext("2d");
    context.drawImage(pad, 0, 0);
    const drawn = context.getImageData(0, 0, canvas.width, canvas.height);
    for (let at = 0; at < drawn.data.length; at += 4) {
        drawn.data.fill(255 - drawn.data[at + 3], at, at + 3);
        drawn.data[at + 3] = 255;
    }
    context.putImageData(drawn, 0, 0);
    const answer = await engine.predict(canvas, { model: "latin62", charset });
    return [canvas.toDataURL("image/png").split(",")[1], answer.characters[0], answer.rejected];
}"""
