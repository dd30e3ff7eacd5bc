"""A headless Chromium that writes on the page with its mouse: for screenshot and tests, and to time it."""

import shutil
from collections.abc import Sequence
from typing import Any

from hwr_edge.bench.strokes import strokes

FLAGS = (
    "--no-sandbox",  # which needs rights that a container has not
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# When the pen was lifted last, and when what was read after that was about to be painted.
_WATCH = """() => {
    document.addEventListener("pointerup", (event) => (window.lifted = event.timeStamp));
    const shown = () => requestAnimationFrame(() => (window.shown = performance.now()));
    new MutationObserver(shown).observe(document.querySelector("#draw .boxes"), { childList: true });
}"""
# The answer to a stroke that still grew may come first: nothing new for so many milliseconds ends the wait.
_AWAITED = "!(window.shown > window.lifted && performance.now() - window.shown > 500)"


def chromium() -> str | None:
    """The path of an installed Chromium or Chrome, None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    return next((path for name in names if (path := shutil.which(name))), None)


def launch(playwright: Any, *flags: str) -> Any:
    """Start the installed Chromium; `playwright` is what `sync_playwright()` gives."""
    return playwright.chromium.launch(executable_path=chromium(), args=[*FLAGS, *flags])


def write(page: Any, text: str, x: float, y: float, size: float, step: int = 6) -> None:
    """Draw letters on the page's drawing area.

    Args:
        page: a Playwright page on which hwr-edge is open.
        text: characters of `benchmarks.strokes`, and spaces.
        x: left edge of the first one, CSS pixels from that of the drawing area.
        y: the height at which the grid of the strokes begins.
        size: CSS pixels for 100 units of the strokes.
        step: only each such point of a stroke is visited.
    """
    corner = page.locator("#pad").bounding_box()
    unit = size / 100
    for character in text:
        if character == " ":
            x += 0.45 * size
            continue
        curves = [curve.tolist() for curve in strokes(character)]
        left = min(px for curve in curves for px, _ in curve)
        right = max(px for curve in curves for px, _ in curve)
        for curve in curves:
            points = [
                (corner["x"] + x + (px - left) * unit, corner["y"] + y + py * unit)
                for px, py in (*curve[::step], curve[-1])
            ]
            page.mouse.move(*points[0])
            page.mouse.down()
            for point in points[1:]:
                page.mouse.move(*point)
            page.mouse.up()
        x += (right - left) * unit + 0.26 * size


def pen_to_text(page: Any, lines: Sequence[str]) -> list[float]:
    """Milliseconds from the end of each character's last stroke to its answer on the screen.

    Args:
        page: a Playwright page on which hwr-edge is open.
        lines: texts to write, one after the other, each on an empty sheet.
    """
    spent: list[float] = []
    page.evaluate(_WATCH)
    for line in lines:
        for place, character in enumerate(line):
            write(page, character, 40 + 85 * place, 170, 100)
            while page.evaluate(_AWAITED):
                page.wait_for_timeout(50)
            spent.append(page.evaluate("window.shown - window.lifted"))
        page.click("#clear")
    return spent
