"""Ink planes and the one-character crop."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwr_edge.ink import (
    DARK_ON_LIGHT,
    LIGHT_ON_DARK,
    char_crop,
    find_polarity,
    shrink,
    stroke_polarities,
)


def cross(height: int = 60, width: int = 80, paper: int = 230, ink: int = 40) -> np.ndarray:
    image = np.full((height, width), paper, np.uint8)
    cv2.line(image, (30, 15), (50, 45), ink, 4)
    cv2.line(image, (50, 15), (30, 45), ink, 4)
    return image


def test_the_box_holds_the_character() -> None:
    crop = char_crop(cross())
    assert crop is not None
    assert np.allclose(crop.box, (28, 13, 53, 48), atol=2)
    assert crop.patch.max() > 200


@pytest.mark.parametrize(("paper", "ink", "polarity"), [(230, 40, DARK_ON_LIGHT), (20, 250, LIGHT_ON_DARK)])
def test_either_polarity_gives_the_same_ink(paper: int, ink: int, polarity: str) -> None:
    image = cross(paper=paper, ink=ink)
    crop, reference = char_crop(image), char_crop(cross())
    assert find_polarity(image) == polarity
    assert crop is not None and reference is not None
    assert crop.box == reference.box
    assert np.abs(crop.patch.astype(int) - reference.patch).mean() < 12


@pytest.mark.parametrize("shade", [1.0, 0.5])
def test_strokes_name_the_polarity_whatever_shade_they_are_in(shade: float) -> None:
    image = cross()
    image[:, 40:] = (shade * image[:, 40:]).astype(np.uint8)
    assert DARK_ON_LIGHT in stroke_polarities(image)
    assert LIGHT_ON_DARK in stroke_polarities(255 - image)


def test_invert_overrules_what_was_found() -> None:
    crop = char_crop(cross(), "yes")
    assert crop is None or crop.polarity == LIGHT_ON_DARK


def test_uneven_light_does_not_move_the_box() -> None:
    light = np.linspace(0.5, 1, 80)[None, :] * np.linspace(0.8, 1, 60)[:, None]
    crop = char_crop((cross() * light).astype(np.uint8))
    assert crop is not None
    assert np.allclose(crop.box, (28, 13, 53, 48), atol=2)


@pytest.mark.parametrize("sigma", [0, 2, 8, 20])
def test_blank_and_noise_give_nothing(sigma: int) -> None:
    rng = np.random.default_rng(sigma)
    for paper in (30, 128, 220):
        noise = rng.normal(paper, sigma, (48, 48))
        assert char_crop(np.clip(noise, 0, 255).astype(np.uint8)) is None


@pytest.mark.parametrize("seed", range(4))
def test_faint_strokes_are_found_in_grain(seed: int) -> None:
    grain = np.random.default_rng(seed).normal(0, 9, (60, 80))
    crop = char_crop(np.clip(cross(paper=190, ink=152) + grain, 0, 255).astype(np.uint8))
    assert crop is not None
    assert np.allclose(crop.box, (28, 13, 53, 48), atol=4)


def test_frame_lines_and_scraps_at_the_edge_are_left_out() -> None:
    image = cross()
    image[:, 78:] = 60
    image[57:, 5:12] = 40
    crop = char_crop(image)
    assert crop is not None
    assert np.allclose(crop.box, (28, 13, 53, 48), atol=2)


@pytest.mark.parametrize("missing", [None, (40, 0, 44, 60)])
def test_a_printed_box_about_a_character_is_left_out(missing: tuple[int, int, int, int] | None) -> None:
    image = np.full((100, 120), 230, np.uint8)
    image[20:80, 20:100] = cross(60, 80)
    cv2.rectangle(image, (4, 4), (115, 95), 40, 2)
    if missing:
        image[missing[0] : missing[2], missing[1] : missing[3]] = 230
    crop = char_crop(image)
    assert crop is not None
    assert np.allclose(crop.box, (48, 33, 73, 68), atol=3)


def test_a_box_alone_is_the_character() -> None:
    image = np.full((100, 100), 230, np.uint8)
    cv2.rectangle(image, (4, 4), (95, 95), 40, 3)
    crop = char_crop(image, "no")
    assert crop is not None
    assert np.allclose(crop.box, (3, 3, 97, 97), atol=3)


def test_the_dot_of_an_i_belongs_to_it() -> None:
    image = np.full((60, 60), 230, np.uint8)
    cv2.line(image, (30, 25), (30, 50), 40, 4)
    cv2.circle(image, (30, 14), 3, 40, -1)
    crop = char_crop(image)
    assert crop is not None
    assert crop.box[1] <= 12 and crop.box[3] >= 50


@pytest.mark.parametrize(("left", "belongs"), [(27, True), (0, False), (45, False)])
def test_a_dot_at_the_upper_edge_belongs_to_the_body_under_it(left: int, belongs: bool) -> None:
    image = np.full((60, 60), 230, np.uint8)
    cv2.line(image, (30, 14), (30, 50), 40, 4)
    image[:4, left : left + 6] = 40
    crop = char_crop(image)
    assert crop is not None
    assert (crop.box[1] == 0) == belongs


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(-60, 60), st.integers(-40, 40))
def test_large_photographs_are_cut_where_the_character_is(scale: int, dx: int, dy: int) -> None:
    image = np.full((400, 500), 220, np.uint8)
    centre = (250 + dx, 200 + dy)
    cv2.circle(image, centre, 5 * scale + 12, 50, 2 + scale)
    crop = char_crop(image)
    assert crop is not None
    x0, y0, x1, y1 = crop.box
    assert 0 <= x0 < x1 <= 500 and 0 <= y0 < y1 <= 400
    assert abs((x0 + x1) / 2 - centre[0]) <= 4 and abs((y0 + y1) / 2 - centre[1]) <= 4


@pytest.mark.parametrize("size", [(1200, 900), (1201, 900), (4000, 3000), (600, 500)])
def test_large_pictures_shrink_to_the_mean_of_what_they_cover(size: tuple[int, int]) -> None:
    width, height = size
    slope = np.linspace(0, 200, width)[None, :] + np.linspace(0, 55, height)[:, None]
    small = shrink(slope.astype(np.uint8), 160)
    expected = cv2.resize(slope, small.shape[::-1], interpolation=cv2.INTER_AREA)
    assert small.shape == (round(height * 160 / width), 160)
    assert np.abs(small - expected).max() <= 2
