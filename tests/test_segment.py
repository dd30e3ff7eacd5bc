"""Touching and broken characters: the recogniser of these tests knows a ring, a bar, a cross and a corner."""

from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hwr_edge.ink import Pixels
from hwr_edge.locate import Box, Glyph, Word
from hwr_edge.locate.field import field_ink
from hwr_edge.segment import Forms, usual_forms, ways
from hwr_edge.segment.cuts import broken, cut, find_seams, loops, stroke_width
from hwr_edge.segment.lattice import best_path, best_paths
from hwr_edge.segment.split import Score

HEIGHT, PEN = 40, 4


def split(words: Sequence[Word], score: Score, forms: Forms | None = None) -> list[Word | None]:
    """The best way of cutting each word."""
    return [found[0].word for found in ways(words, score, forms)]


def shape(kind: str, height: int = HEIGHT) -> Pixels:
    """One character: uint8 ink plane, cut tight."""
    plane = np.zeros((height + 20, height + 20), np.uint8)
    end = height + 9 - PEN // 2
    middle, start = 10 + height // 2, 10 + PEN // 2
    half = height // 3
    if kind == "ring":
        cv2.ellipse(plane, (middle, middle), (half, height // 2 - PEN // 2), 0, 0, 360, 255, PEN)
    if kind in ("bar", "cross"):
        cv2.line(plane, (middle, start), (middle, end), 255, PEN)
    if kind == "cross":
        cv2.line(plane, (middle - half, middle), (middle + half, middle), 255, PEN)
    if kind == "corner":
        cv2.line(plane, (start, start), (start, end), 255, PEN)
        cv2.line(plane, (start, end), (start + 2 * half, end), 255, PEN)
    if kind == "dot":
        cv2.circle(plane, (middle, middle), PEN // 2 + 1, 255, -1)
    if kind == "dash":
        cv2.line(plane, (start, middle), (end, middle), 255, PEN)
    return tight(plane)


def tight(plane: Pixels) -> Pixels:
    x, y, width, height = cv2.boundingRect(plane)
    return plane[y : y + height, x : x + width]


KINDS = ("ring", "bar", "cross", "corner")


def fitted(patch: Pixels) -> NDArray[np.float32]:
    """A patch centred in 24x24, proportions kept, blurred, of unit length."""
    scale = 20 / max(patch.shape)
    size = max(1, round(patch.shape[1] * scale)), max(1, round(patch.shape[0] * scale))
    small = cv2.resize(patch, size, interpolation=cv2.INTER_AREA)
    field = np.zeros((24, 24), np.float32)
    top, left = (24 - size[1]) // 2, (24 - size[0]) // 2
    field[top : top + size[1], left : left + size[0]] = small
    field = cv2.GaussianBlur(field, (0, 0), 1.2)
    return (field / np.linalg.norm(field)).ravel()


class Oracle:
    """Likeness to the four shapes as probabilities; what is like none is spread over 20 classes."""

    def __init__(self) -> None:
        self.calls = 0
        self.templates = np.stack([fitted(shape(kind)) for kind in KINDS])

    def __call__(self, patches: list[Pixels]) -> NDArray[np.float32]:
        self.calls += 1
        likeness = np.stack([fitted(patch) for patch in patches]) @ self.templates.T
        logits = np.concatenate([40 * (likeness - 0.85), np.zeros((len(patches), 1))], axis=1)
        spread = np.exp(logits - logits.max(axis=1, keepdims=True))
        classes = np.repeat(spread[:, -1:], 20, axis=1)
        classes[:, : len(KINDS)] += 20 * spread[:, :-1]
        return (classes / classes.sum(axis=1, keepdims=True)).astype(np.float32)

    def read(self, words: Sequence[Word | None]) -> list[str]:
        crops = [glyph.crop for word in words if word for glyph in word.glyphs]
        return [KINDS[int(row.argmax())] for row in self(crops)]


def glyphs_of(canvas: Pixels) -> tuple[Glyph, ...]:
    """Connected components as glyphs, left to right."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats((canvas > 0).astype(np.uint8))
    found = []
    for number in range(1, count):
        x, y, width, height, _ = (int(value) for value in stats[number])
        part = np.where(labels == number, canvas, 0)[y : y + height, x : x + width]
        found.append(Glyph(Box(x, y, x + width, y + height), part))
    return tuple(sorted(found, key=lambda glyph: glyph.box.x0))


def write(kinds: Sequence[str], gap: int) -> Pixels:
    """Characters side by side on one canvas; a gap below 0 makes them touch."""
    canvas = np.zeros((HEIGHT + 10, 60 * len(kinds) + 20), np.uint8)
    x = 5
    for kind in kinds:
        patch = shape(kind)
        height, width = patch.shape
        top = {"dot": HEIGHT, "dash": HEIGHT // 2}.get(kind, 5)
        window = canvas[top : top + height, x : x + width]
        np.maximum(window, patch, out=window)
        x += width + gap
    return canvas


def ink_on(words: Sequence[Word], like: Pixels) -> Pixels:
    canvas = np.zeros_like(like)
    for word in words:
        for glyph in word.glyphs:
            window = canvas[glyph.box.y0 : glyph.box.y1, glyph.box.x0 : glyph.box.x1]
            np.maximum(window, glyph.crop, out=window)
    return canvas


@pytest.mark.parametrize(
    "kinds", [("ring", "ring"), ("ring", "cross", "ring"), ("ring", "corner"), ("cross", "ring", "corner")]
)
def test_touching_characters_are_cut(kinds: tuple[str, ...]) -> None:
    oracle = Oracle()
    canvas = write(kinds, -2)
    joined = glyphs_of(canvas)
    assert len(joined) == 1
    assert oracle.read(split([Word(joined)], oracle)) == list(kinds)


def test_clear_characters_are_left_as_they_are() -> None:
    oracle = Oracle()
    word = Word(glyphs_of(write(["ring", "bar", "cross", "corner"], 8)))
    result = split([word], oracle)
    assert result == [word]
    assert oracle.calls == 1


def test_a_broken_character_is_mended() -> None:
    oracle = Oracle()
    canvas = write(["cross", "ring", "cross"], 8)
    left = glyphs_of(canvas)[1].box
    middle = (left.x0 + left.x1) // 2
    canvas[:, middle - 1 : middle + 1] = 0
    broken = glyphs_of(canvas)
    assert len(broken) == 4
    assert oracle.read(split([Word(broken)], oracle)) == ["cross", "ring", "cross"]


def test_dots_and_dashes_are_left_out() -> None:
    oracle = Oracle()
    word = Word(glyphs_of(write(["ring", "dot", "cross", "ring", "dash"], 6)))
    assert len(word.glyphs) == 5
    assert oracle.read(split([word], oracle)) == ["ring", "cross", "ring"]


def test_a_dash_of_any_length_is_left_out() -> None:
    oracle = Oracle()
    ring, dash = glyphs_of(write(["ring", "dash"], 6))
    crop = np.repeat(dash.crop, 3, axis=1)
    box = Box(dash.box.x0, dash.box.y0, dash.box.x0 + crop.shape[1], dash.box.y1)
    assert oracle.read(split([Word((ring, Glyph(box, crop)))], oracle)) == ["ring"]


def test_a_seam_along_the_edge_of_a_loop_does_not_break_it() -> None:
    ring = tight(shape("ring"))
    holes = loops(ring, PEN)
    first = int(np.flatnonzero(holes.any(axis=0))[0])
    through, along = (np.full(len(ring), x) for x in (ring.shape[1] // 2, first))
    assert (holes[:, first] > 0).any()
    assert [broken(holes, path) for path in (through, along)] == [1, 0]


def test_nothing_gives_nothing_and_the_recogniser_is_not_asked() -> None:
    oracle = Oracle()
    assert split([], oracle) == []
    assert oracle.calls == 0


def test_words_stay_in_order_and_a_word_of_dots_is_left_out() -> None:
    oracle = Oracle()
    canvas = write(["ring", "ring", "dot", "cross", "corner"], -2)
    canvas[:, 66:] = 0
    first = Word(glyphs_of(write(["ring", "ring"], -2)))
    dot = glyphs_of(write(["ring", "dot"], 5))[1]
    last = Word(glyphs_of(write(["cross", "corner"], 8)))
    result = split([first, Word((dot,)), last], oracle)
    assert oracle.read(result) == ["ring", "ring", "cross", "corner"]
    assert result[1] is None
    assert result[2] is last


def test_boxes_follow_a_picture_that_was_worked_on_reduced() -> None:
    oracle = Oracle()
    (glyph,) = glyphs_of(write(["ring", "ring"], -2))
    box = glyph.box
    large = Glyph(Box(box.x0 * 3, box.y0 * 3, box.x1 * 3, box.y1 * 3), glyph.crop)
    (word,) = split([Word((large,))], oracle)
    left, right = (part.box for part in word.glyphs)
    assert left.x0 == large.box.x0
    assert right.x1 == large.box.x1
    assert abs(left.width - right.width) <= 9
    assert {left.y0, right.y0} == {large.box.y0}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([*KINDS, "dot", "dash"]), min_size=1, max_size=5), st.integers(-3, 6))
def test_no_ink_is_invented(kinds: list[str], gap: int) -> None:
    canvas = write(kinds, gap)
    glyphs = glyphs_of(canvas)
    result = split([Word(glyphs)], Oracle())
    assert (ink_on(result, canvas) <= canvas).all()
    middles = [glyph.box.x0 + glyph.box.x1 for word in result for glyph in word.glyphs]
    assert middles == sorted(middles)


@given(st.integers(1, 8), st.integers(20, 60))
def test_pen_width_is_found(pen: int, length: int) -> None:
    plane = np.full((length, pen), 255, np.uint8)
    assert stroke_width(plane) == pytest.approx(pen, abs=1.5)


def test_the_parts_together_are_the_glyph() -> None:
    plane = tight(write(["ring", "ring"], -2))
    seams = find_seams(plane, PEN, HEIGHT)
    parts = cut(plane, seams, PEN)
    assert len(parts) == len(seams) + 1 > 1
    assert (np.maximum.reduce(parts) == plane).all()
    assert all((part <= plane).all() and part.any() for part in parts)


def test_a_shared_wall_closes_both_rings() -> None:
    oracle = Oracle()
    canvas = write(["ring", "ring"], -PEN)
    (word,) = split([Word(glyphs_of(canvas))], oracle)
    assert [oracle([glyph.crop])[0, 0] > 0.9 for glyph in word.glyphs] == [True, True]


def test_an_equals_sign_is_left_out() -> None:
    oracle = Oracle()
    canvas = write(["ring", "cross", "dash"], 8)
    first = glyphs_of(canvas)
    dash = first[2]
    sign = np.zeros((14, dash.crop.shape[1]), np.uint8)
    sign[: dash.crop.shape[0]] = sign[-dash.crop.shape[0] :] = dash.crop
    box = Box(dash.box.x0, dash.box.y0, dash.box.x1, dash.box.y0 + 14)
    assert oracle.read(split([Word((*first[:2], Glyph(box, sign)))], oracle)) == ["ring", "cross"]


def test_a_wide_character_that_is_read_well_is_left_alone() -> None:
    wide = cv2.resize(shape("corner"), (int(1.45 * HEIGHT), HEIGHT))
    word = Word((Glyph(Box(0, 0, wide.shape[1], HEIGHT), wide),))
    calls: list[int] = []

    def score(crops: list[Pixels]) -> NDArray[np.float32]:
        calls.append(len(crops))
        return np.array([[0.02, 0.98]] * len(crops), np.float32)

    forms = usual_forms("aW", np.eye(2, dtype=np.float32))
    assert split([word], score, forms) == [word]
    assert calls == [1]


@given(st.integers(1, 6), st.randoms(use_true_random=False))
def test_the_best_paths_are_the_cheapest_of_all(count: int, random: object) -> None:
    rng = np.random.default_rng(abs(hash(str(random))) % 2**32)
    choices = [
        (first, last, float(rng.uniform(0, 5))) for first in range(count) for last in range(first, count)
    ]

    def prices(first: int) -> list[float]:
        if first == count:
            return [0.0]
        return [price + rest for start, last, price in choices if start == first for rest in prices(last + 1)]

    paths = best_paths(count, choices, 3)
    assert [cost for _, cost in paths] == pytest.approx(sorted(prices(0))[:3])
    for path, cost in paths:
        assert sum(choices[i][2] for i in path) == pytest.approx(cost)
        covered = [piece for i in path for piece in range(choices[i][0], choices[i][1] + 1)]
        assert covered == list(range(count))
    assert best_path(count, choices) == paths[0][0]


def patterned(rule: bool) -> tuple[Pixels, Pixels]:
    """A grey scan of four characters on paper with a wavy pattern, and the ink that is in it."""
    ink = write(["ring", "cross", "corner", "ring"], 10)
    ink = cv2.copyMakeBorder(ink[:, :190], 6, 8, 0, 0, cv2.BORDER_CONSTANT)
    rows, columns = np.mgrid[0 : ink.shape[0], 0 : ink.shape[1]]
    pattern = 14 * (np.sin(columns / 1.1 + np.sin(rows / 6)) > 0.6)
    paper = 190 - 0.1 * columns - pattern
    if rule:
        paper[-4:-2] -= 70
    scan = cv2.GaussianBlur((paper * (1 - ink / 255 * 0.55)).astype(np.float32), (0, 0), 0.7)
    return np.clip(scan, 0, 255).astype(np.uint8), ink


@pytest.mark.parametrize("rule", [False, True])
def test_pattern_and_rules_are_no_ink(rule: bool) -> None:
    scan, ink = patterned(rule)
    depth, mask = field_ink(scan)
    assert depth.shape == mask.shape == scan.shape
    near = cv2.dilate(ink, np.ones((5, 5), np.uint8))
    assert (mask[near == 0] > 0).mean() < 0.002
    assert (mask[cv2.erode(ink, np.ones((3, 3), np.uint8)) > 0] > 0).mean() > 0.97


def test_a_field_without_ink_has_no_mask() -> None:
    assert not field_ink(np.full((50, 160), 200, np.uint8))[1].any()


def test_one_huge_piece_does_not_make_marks_of_the_letters() -> None:
    word = Word(glyphs_of(write(["ring", "cross"] * 10, 12)))
    frame = np.zeros((4 * HEIGHT, 2 * HEIGHT), np.uint8)
    cv2.rectangle(frame, (2, 2), (2 * HEIGHT - 3, 4 * HEIGHT - 3), 255, PEN)
    huge = Word((Glyph(Box(0, 200, 2 * HEIGHT, 200 + 4 * HEIGHT), frame),))
    oracle = Oracle()
    [found, *_] = split([word, huge], oracle)
    assert oracle.read([found]) == ["ring", "cross"] * 10


def test_a_rule_one_pixel_high_is_no_error() -> None:
    rule = np.full((1, 40), 255, np.uint8)
    assert all(seam.path.shape == (1,) for seam in find_seams(rule, 1.0, 1.0))


@pytest.mark.parametrize(("label", "kept"), [("1", 2), ("o", 3)])
def test_a_low_mark_is_no_tall_character(label: str, kept: int) -> None:
    mark = np.full((20, 8), 255, np.uint8)
    tall = [Glyph(Box(38 * i, 0, 38 * i + 30, HEIGHT), np.full((HEIGHT, 30), 255, np.uint8)) for i in (0, 1)]
    word = Word((*tall, Glyph(Box(76, HEIGHT - 20, 84, HEIGHT), mark)))

    def score(crops: list[Pixels]) -> NDArray[np.float32]:
        return np.array([[0.9, 0.1] if crop.shape[1] == 8 else [0.0, 1.0] for crop in crops], np.float32)

    (read,) = split([word], score, usual_forms([label, "8"], np.eye(2, dtype=np.float32)))
    assert len(read.glyphs) == kept
