"""Finding writing: geometry, reading order, what is no writing, and the real pages where they are present."""

import gzip
import itertools
import zipfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hwr_edge.ink import Pixels, char_crop
from hwr_edge.locate import Layout, find
from hwr_edge.locate.layout import in_image
from hwr_edge.locate.turn import levelling, slant
from tests.fakes import fake_recognizer

FONT = cv2.FONT_HERSHEY_SIMPLEX
TEXT = ("some words", "on three lines", "of a page")


def write(page: Pixels, text: str, x: int, y: int, ink: int = 40, scale: float = 1.4, pen: int = 3) -> int:
    """Draw letters with clear gaps, a wider one for each space; returns where the next would start."""
    for letter in text:
        if letter == " ":
            x += int(22 * scale)
            continue
        cv2.putText(page, letter, (x, y), FONT, scale, ink, pen, cv2.LINE_AA)
        x += cv2.getTextSize(letter, FONT, scale, pen)[0][0] + 4
    return x


def paper(height: int = 420, width: int = 700, level: int = 225) -> Pixels:
    return np.full((height, width), level, np.uint8)


def sample(left: int = 60, top: int = 110, rules: str = "") -> Pixels:
    """A page with the lines of TEXT, optionally on ruled or squared paper."""
    page = paper()
    step = {"ruled": 105, "squared": 52}.get(rules)
    if step:
        for y in range(top + 12, 420, step):
            cv2.line(page, (0, y), (700, y), 190, 1)
    if rules == "squared":
        for x in range(30, 700, step or 1):
            cv2.line(page, (x, 0), (x, 420), 190, 1)
    for number, line in enumerate(TEXT):
        write(page, line, left, top + 105 * number)
    return page


def shape(layout: Layout) -> list[list[int]]:
    """Glyphs per word per line."""
    return [[len(word.glyphs) for word in line.words] for line in layout.lines]


def expected(lines: tuple[str, ...] = TEXT) -> list[list[int]]:
    return [[len(word) for word in line.split()] for line in lines]


def check_geometry(layout: Layout, image: Pixels) -> None:
    height, width = layout.turn.size[::-1] if layout.turn else image.shape[:2]
    for glyph in layout.glyphs:
        box = glyph.box
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
        assert glyph.crop.dtype == np.uint8
        assert glyph.crop.ndim == 2
        assert glyph.crop.max() > 200
    for line in layout.lines:
        for one, other in itertools.pairwise(line.glyphs):
            assert one.box.x0 + one.box.x1 <= other.box.x0 + other.box.x1


@pytest.mark.parametrize("rules", ["", "ruled", "squared"])
def test_page_has_its_lines_words_and_letters(rules: str) -> None:
    page = sample(rules=rules)
    found = find(page, "page")
    assert found.polarity == "dark-on-light"
    assert found.kind == "page"
    assert shape(found) == expected()
    check_geometry(found, page)


@pytest.mark.parametrize("angle", [-9, -3, 4, 9])
def test_turned_page_keeps_its_order(angle: int) -> None:
    matrix = cv2.getRotationMatrix2D((350, 210), angle, 0.9)
    page = cv2.warpAffine(sample(), matrix, (700, 420), borderValue=225)
    assert shape(find(page, "page")) == expected()  # type: ignore[arg-type]


def test_uneven_light() -> None:
    shade = np.linspace(1.05, 0.45, 700)[None] * np.linspace(1, 0.8, 420)[:, None]
    shade[:, 320:] *= 0.8  # the edge of a shadow
    page = np.clip(sample() * shade + np.random.default_rng(0).normal(0, 2, (420, 700)), 0, 255)
    assert shape(find(page.astype(np.uint8), "page")) == expected()


def test_light_ink_on_dark_ground() -> None:
    page = cv2.bitwise_not(sample())
    found = find(page, "page")  # type: ignore[arg-type]
    assert found.polarity == "light-on-dark"
    assert shape(found) == expected()


def test_forced_polarity_is_obeyed() -> None:
    assert find(sample(), "page", invert="no").polarity == "dark-on-light"
    assert find(sample(), "page", invert="yes").polarity == "light-on-dark"


@settings(max_examples=15, deadline=None)
@given(left=st.integers(5, 150), top=st.integers(60, 150))
def test_reading_order_does_not_depend_on_the_place(left: int, top: int) -> None:
    moved, fixed = find(sample(left, top), "page"), find(sample(), "page")
    assert shape(moved) == shape(fixed)
    first, other = moved.glyphs[0].box, fixed.glyphs[0].box
    shift = (first.x0 - other.x0, first.y0 - other.y0)
    for one, two in zip(moved.glyphs, fixed.glyphs, strict=True):
        assert abs(one.box.x0 - two.box.x0 - shift[0]) <= 1
        assert abs(one.box.y0 - two.box.y0 - shift[1]) <= 1


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    colour=st.booleans(),
    layout=st.sampled_from(["auto", "char", "word", "page"]),
)
@example(seed=214, size=(1, 200), colour=False, layout="auto")  # one strip without light and shade
def test_any_scribble_gives_boxes_inside(seed: int, size: tuple[int, int], colour: bool, layout: str) -> None:
    random = np.random.default_rng(seed)
    page = np.full((*size, 3) if colour else size, int(random.integers(0, 256)), np.uint8)
    for _ in range(int(random.integers(0, 8))):
        points = random.integers(0, max(size), (5, 2)).astype(np.int32)
        cv2.polylines(page, [points], False, random.integers(0, 256, 3).tolist(), int(random.integers(1, 6)))
    found = find(page, layout)
    for glyph in found.glyphs:
        box = in_image(glyph, found.turn) if found.turn else glyph.box
        assert 0 <= box.x0 < box.x1 <= size[1]
        assert 0 <= box.y0 < box.y1 <= size[0]
        assert glyph.crop.size
    if layout == "char":
        assert len(found.glyphs) <= 1
    if layout == "word":
        assert len(found.lines) <= 1


@pytest.mark.parametrize("size", [(1, 1), (28, 28), (60, 200), (600, 800)])
@pytest.mark.parametrize("layout", ["auto", "word", "page", "char"])
def test_blank_paper_has_no_lines(size: tuple[int, int], layout: str) -> None:
    assert find(np.full(size, 200, np.uint8), layout).lines == ()


@pytest.mark.parametrize("blur", [0, 3, 9])
@pytest.mark.parametrize("layout", ["word", "page", "auto"])
def test_noise_has_no_lines(blur: int, layout: str) -> None:
    noise = np.random.default_rng(1).normal(190, 12, (400, 600)).astype(np.float32)
    if blur:
        noise = cv2.blur(noise, (blur, blur))  # type: ignore[assignment]
    assert find(np.clip(noise, 0, 255).astype(np.uint8), layout).lines == ()


def test_dots_and_bars_belong_to_their_letter() -> None:
    page = paper(200, 520)
    write(page, "hij:=!h", 40, 120, scale=2.0, pen=4)
    assert [len(line.glyphs) for line in find(page, "page").lines] == [7]
    assert len(find(page, "word").glyphs) == 7


def test_small_sign_stays_apart() -> None:
    page = paper(200, 420)
    write(page, "12.50-", 40, 120, scale=2.0, pen=4)
    glyphs = find(page, "word").glyphs
    assert len(glyphs) == 6
    assert glyphs[2].box.height < 0.4 * glyphs[1].box.height


def test_rows_closer_than_letters_are_tall() -> None:
    """Digits strewn over a sheet: each row wavers by a third of its height."""
    page = paper(420, 640)
    places = [(60, 92), (200, 80), (330, 76), (480, 84), (120, 160), (290, 150), (420, 166), (560, 158)]
    for (x, y), digit in zip(places, "27188135", strict=True):
        cv2.putText(page, digit, (x, y), FONT, 1.6, 40, 3, cv2.LINE_AA)
    lines = find(page, "page").lines
    assert [len(line.glyphs) for line in lines] == [4, 4]
    assert [glyph.box.x0 // 10 for glyph in lines[0].glyphs] == sorted(x // 10 for x, _ in places[:4])


def test_inks_of_different_strength() -> None:
    page = paper(200, 500)
    for place, ink in enumerate((30, 190, 60, 185)):
        cv2.putText(page, "8", (40 + 110 * place, 130), FONT, 2.0, ink, 4, cv2.LINE_AA)
    glyphs = find(page, "page").glyphs
    assert len(glyphs) == 4
    assert min(int(glyph.crop.max()) for glyph in glyphs) > 240


def sheet_in_a_room() -> Pixels:
    """Two rows of four digits on a sheet that is held up."""
    scene = np.full((480, 640, 3), (30, 40, 35), np.uint8)
    cv2.circle(scene, (320, 60), 90, (30, 30, 200), -1)  # a red shirt
    cv2.fillConvexPoly(scene, np.array([[90, 90], [560, 80], [570, 420], [80, 430]]), (215, 220, 218))
    cv2.ellipse(scene, (85, 250), (40, 22), 10, 0, 360, (60, 80, 120), -1)  # a thumb over its edge
    for row, text in enumerate(("2718", "8135")):
        for place, digit in enumerate(text):
            cv2.putText(scene, digit, (160 + 95 * place, 200 + 120 * row), FONT, 1.8, (60, 50, 50), 4)
    return scene


def test_sheet_before_a_dark_room() -> None:
    found = find(sheet_in_a_room(), "page")
    assert [len(line.glyphs) for line in found.lines] == [4, 4]
    assert found.turn is None


@pytest.mark.parametrize("angle", [-35, -15, -5, 5, 10, 20, 40])
def test_sheet_held_aslant_keeps_its_rows_and_its_boxes(angle: int) -> None:
    scene = sheet_in_a_room()
    matrix = cv2.getRotationMatrix2D((320, 240), angle, 0.8)
    turned = cv2.warpAffine(scene, matrix, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    found = find(turned, "page")  # type: ignore[arg-type]
    assert [len(line.glyphs) for line in found.lines] == [4, 4]
    assert found.turn is not None
    reader = fake_recognizer()
    there, here = (reader.predict(one, "page").characters for one in (scene, turned))
    for before, after in zip(there, here, strict=True):
        x0, y0, x1, y1 = before.box
        x, y = matrix @ [(x0 + x1) / 2, (y0 + y1) / 2, 1]
        assert abs((after.box[0] + after.box[2]) / 2 - x) < 5
        assert abs((after.box[1] + after.box[3]) / 2 - y) < 5


@settings(deadline=None)
@example(angle=0.375, size=(88, 77), corner=(0, 60))
@given(
    angle=st.floats(-0.7, 0.7),
    size=st.tuples(st.integers(60, 110), st.integers(60, 110)),
    corner=st.tuples(st.integers(-40, 60), st.integers(-40, 60)),
)
def test_slant_is_that_of_the_edges_and_levelling_undoes_it(
    angle: float, size: tuple[int, int], corner: tuple[int, int]
) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    sides = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * size
    outline = (sides @ turn.T + 60 + np.array(corner)).round().astype(np.int32)[:, None]
    seen = cv2.fillConvexPoly(np.zeros((200, 200), np.uint8), outline, 255)
    contours, _ = cv2.findContours(seen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = slant(contours[0], seen.shape)  # type: ignore[arg-type]
    cut = outline.min() < 5 or outline.max() > 194  # then little of its edges is left, or too little
    assert found == pytest.approx(angle, abs=0.12 if cut else 0.05) or (cut and found == 0.0)
    level = levelling(contours[0], seen.shape, angle)  # type: ignore[arg-type]
    points = contours[0][:, 0].astype(float)
    inside = (points - level.matrix[:, 2]) @ level.matrix[:, :2]
    assert np.allclose(level.back(inside), points)
    assert (inside > -0.01).all()
    assert (inside < np.array(level.size)).all()


def test_one_corner_of_a_sheet_tells_no_slant() -> None:
    corner = np.array([[0, 0], [199, 0], [199, 120], [140, 199], [0, 199]], np.int32)[:, None]
    assert slant(corner, (200, 200)) == 0.0


def test_slant_of_a_patch_of_light_is_none() -> None:
    round_one = cv2.ellipse2Poly((100, 100), (80, 60), 30, 0, 360, 3)[:, None]
    assert slant(round_one, (200, 200)) == 0.0


def test_lines_through_letters_leave_the_letters() -> None:
    page = paper(300, 900)
    cv2.line(page, (0, 150), (900, 150), 60, 2)
    for place, letter in enumerate("AHKMNX"):
        cv2.putText(page, letter, (40 + 140 * place, 190), FONT, 3.0, 50, 9, cv2.LINE_AA)
    glyphs = find(page, "page").glyphs
    assert len(glyphs) == 6
    assert min(glyph.box.height for glyph in glyphs) > 55


def test_crop_looks_like_that_of_the_letter_alone() -> None:
    page = paper(200, 500)
    for place, letter in enumerate("agb"):
        cv2.putText(page, letter, (50 + 140 * place, 120), FONT, 2.2, 60, 5, cv2.LINE_AA)
    middle = find(page, "word").glyphs[1]
    box = middle.box
    alone = char_crop(np.ascontiguousarray(page[20:190, box.x0 - 30 : box.x1 + 30]))
    assert alone is not None
    size = (32, 32)
    one = cv2.resize(middle.crop, size, interpolation=cv2.INTER_AREA).astype(float)
    two = cv2.resize(alone.patch, size, interpolation=cv2.INTER_AREA).astype(float)
    assert np.abs(one - two).mean() < 12


@pytest.mark.parametrize(("size", "scale"), [((28, 28), 0.8), ((300, 300), 6.0), ((900, 1200), 16.0)])
@pytest.mark.parametrize("letter", ["A", "i", "j", "="])
def test_one_letter_is_a_character(size: tuple[int, int], scale: float, letter: str) -> None:
    page = paper(*size)
    pen = max(2, round(scale * 2))
    (width, height), _ = cv2.getTextSize(letter, FONT, scale, pen)
    place = ((size[1] - width) // 2, (size[0] + height) // 2)
    cv2.putText(page, letter, place, FONT, scale, 40, pen, cv2.LINE_AA)
    found = find(page)
    assert found.kind == "char"
    assert len(found.glyphs) == 1


def letter_on(surroundings: str) -> Pixels:
    """A large R on a clean sheet, or on one with something else about it."""
    page = paper(300, 400, 255 if surroundings == "grain" else 225)
    if surroundings == "rules":
        page[17::40] = 110
    cv2.putText(page, "R", (130, 220), FONT, 6, 30, 22, cv2.LINE_AA)
    if surroundings == "frame":
        cv2.rectangle(page, (4, 4), (395, 295), 0, 3)
    if surroundings == "shadow":
        right = np.array([[220, 0], [400, 0], [400, 300], [120, 300]])
        lit = cv2.fillPoly(np.ones(page.shape), [right], (0.6,))
        page = (page * cv2.GaussianBlur(lit, (0, 0), 6)).astype(np.uint8)
    if surroundings == "desk":
        desk = paper(420, 540, 60)
        desk[60:360, 70:470] = page
        page = desk
    if surroundings in ("desk", "grain"):
        grain = np.random.default_rng(0).normal(0, 6, page.shape)
        page = np.clip(page + grain, 0, 255).astype(np.uint8)
    return page


@pytest.mark.parametrize("layout", ["auto", "char"])
@pytest.mark.parametrize("surroundings", ["desk", "grain", "rules", "frame", "shadow"])
def test_a_letter_is_found_amid_its_surroundings(surroundings: str, layout: str) -> None:
    [alone] = find(letter_on("")).glyphs
    found = find(letter_on(surroundings), layout)
    [glyph] = found.glyphs
    moved = (70, 60, 70, 60) if surroundings == "desk" else (0, 0, 0, 0)
    box, wanted = (np.array([b.x0, b.y0, b.x1, b.y1]) for b in (glyph.box, alone.box))
    assert found.kind == "char"
    assert np.allclose(box - moved, wanted, atol=8)
    check_geometry(found, letter_on(surroundings))


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("pen", [2, 4])
def test_an_empty_frame_holds_nothing(pen: int, turned: bool) -> None:
    page = paper(120, 140, 225)
    cv2.rectangle(page, (12, 30), (128, 90), 40, pen)  # its sides are too short for rules that stand alone
    assert not find(page.T.copy() if turned else page, "page").lines


def test_a_stroke_amid_a_frame_is_no_side_of_it() -> None:
    page = paper(120, 140, 225)
    cv2.rectangle(page, (12, 30), (128, 90), 40, 2)
    cv2.line(page, (70, 35), (70, 85), 40, 4)
    [stroke] = find(page, "page").glyphs
    assert (stroke.box.x0 + stroke.box.x1) / 2 == pytest.approx(70, abs=2)


def test_what_thick_strokes_enclose_is_paper() -> None:
    page = paper(300, 400, 225)
    for middle in (110, 190):
        cv2.circle(page, (200, middle), 40, 30, 22, cv2.LINE_AA)
    found = find(page, "page")
    assert found.polarity == "dark-on-light" and len(found.glyphs) == 1


def test_fine_strokes_are_not_taken_for_the_paper_between_them() -> None:
    page = paper(450, 590, 255)
    cv2.putText(page, "R", (140, 270), FONT, 8, 0, 9, cv2.LINE_AA)
    found, alone = find(page, "char"), char_crop(page)
    assert alone is not None and found.polarity == "dark-on-light"
    assert np.array_equal(found.glyphs[0].crop, alone.patch)


def test_a_dot_cut_by_the_upper_edge_stays_with_its_letter() -> None:
    page = paper(300, 300)
    cv2.line(page, (150, 60), (150, 230), 30, 16, cv2.LINE_AA)
    cv2.circle(page, (150, 4), 14, 30, -1, cv2.LINE_AA)
    assert find(page, "char").glyphs[0].box.y0 <= 1


def test_auto_tells_words_and_pages() -> None:
    page = paper(100, 500)
    write(page, "garden", 30, 65)
    assert find(page).kind == "word"
    assert find(sample()).kind == "page"


@pytest.mark.parametrize("wrong", [{"layout": "line"}, {"invert": "maybe"}])
def test_unknown_options_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="must be one of"):
        find(sample(), **wrong)


def pictures(path: Path, step: int = 1) -> Iterator[Pixels]:
    if not path.exists():
        pytest.skip(f"{path.name} is not among the real data")
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith((".jpg", ".png"))]
        for name in names[::step]:
            picture = cv2.imdecode(np.frombuffer(archive.read(name), np.uint8), cv2.IMREAD_COLOR)
            assert picture is not None
            yield picture  # type: ignore[misc]


def test_webcam_rows(data_dir: Path) -> None:
    video = cv2.VideoCapture(str(data_dir / "webcam-digits.mp4"))
    frames = []
    while (read := video.read())[0]:
        frames.append(read[1])
    if not frames:
        pytest.skip("webcam-digits.mp4 is not among the real data")
    for number in range(5, len(frames), 6):  # before that the sheet is blurred or partly out of view
        lines = find(frames[number], "page").lines  # type: ignore[arg-type]
        assert [len(line.glyphs) for line in lines] == [4, 4, 5, 6], f"frame {number}"


def test_letter_cards(data_dir: Path) -> None:
    found = [
        [len(line.glyphs) for line in find(card, "page").lines]
        for card in pictures(data_dir / "letter-cards.zip", 7)
    ]
    assert found.count([5, 5, 5]) >= 0.97 * len(found)


def test_cheques_are_one_line(data_dir: Path) -> None:
    found = [find(cheque, "word") for cheque in pictures(data_dir / "cheque-amounts.zip", 8)]
    assert sum(len(layout.lines) == 1 for layout in found) >= 0.98 * len(found)


@pytest.mark.parametrize(
    ("name", "step"),
    [("chars74k-EnglishHnd.zip", 97), ("paper-crops-62.zip", 40), ("hangul-characters.zip", 24)],
)
def test_real_characters_are_characters(data_dir: Path, name: str, step: int) -> None:
    kinds = [find(picture).kind for picture in pictures(data_dir / name, step)]
    assert kinds.count("char") >= 0.97 * len(kinds)


def test_mnist_is_characters(data_dir: Path) -> None:
    files = list((data_dir / "mnist").glob("t10k-images*.gz"))
    if not files:
        pytest.skip("MNIST is not among the real data")
    with gzip.open(files[0]) as stream:
        digits = np.frombuffer(stream.read(16 + 784 * 200)[16:], np.uint8).reshape(-1, 28, 28)
    found = [find(digit) for digit in digits]
    assert all(layout.kind == "char" for layout in found)
    assert all(layout.polarity == "light-on-dark" for layout in found)
    assert all(len(layout.glyphs) == 1 for layout in found)


def test_grid_photographs_do_not_crash(data_dir: Path) -> None:
    for picture in pictures(data_dir / "digit-grid-photos.zip", 6):
        check_geometry(find(picture), picture)
