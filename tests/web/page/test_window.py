"""Window and level by hand-made numbers: the arithmetic alone, then the pixels that a reader sees."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.web.page.films import add, canvas_pixels, film_file, rest

LEVELS = (0, 16384, 40000, 65535)


def shade(value: float, center: float, width: float, inverted: bool = False) -> int:
    """DICOM's LINEAR_EXACT, to 8 bits."""
    part = min(1.0, max(0.0, (value - center) / width + 0.5))
    return math.floor(255 * (1 - part if inverted else part) + 0.5)


def stripes() -> dict[str, Any]:
    """A 16-bit film of 400 x 200: four stripes of LEVELS."""
    return film_file(np.repeat(np.array([LEVELS], np.uint16), 100, axis=1).repeat(200, axis=0))


def shown_stripes(page: Any) -> list[int]:
    """The shade in the middle of each stripe, which spans the pane from side to side."""
    rest(page)
    picture = canvas_pixels(page)
    height, width, _ = picture.shape
    colours = [picture[height // 2, width * (2 * stripe + 1) // 8] for stripe in range(4)]
    assert all(len(set(colour.tolist())) == 1 for colour in colours)  # gray
    return [int(colour[0]) for colour in colours]


def settings_shown(page: Any) -> tuple[int, int]:
    """Width and level as the corner says."""
    rest(page)
    words = page.text_content("#film-window").split()
    return int(words[1]), int(words[3])


@pytest.fixture
def film(page: Any) -> Any:
    page.keyboard.press("h")  # no map over it
    add(page, stripes())
    return page


@pytest.mark.parametrize(
    ("center", "width", "value", "expected"),
    [
        (32767.5, 65535, 0, 0),
        (32767.5, 65535, 65535, 255),
        (32767.5, 65535, 257, 1),
        (1000, 100, 950, 0),
        (1000, 100, 1000, 128),
        (1000, 100, 1025, 191),
        (1000, 100, 1050, 255),
        (1000, 100, 60000, 255),
    ],
)
def test_shades(functions, center, width, value, expected):
    window = {"center": center, "width": width}
    assert functions("window.js", "shades", window)[value] == expected == shade(value, center, width)
    inverted = functions("window.js", "shades", window, True)
    assert inverted[value] == shade(value, center, width, inverted=True)


def test_full_window_shows_what_the_decoder_read(film):
    assert settings_shown(film) == (65535, 32768)
    assert shown_stripes(film) == [0, 64, 156, 255]


def test_invert(film):
    film.keyboard.press("i")
    assert shown_stripes(film) == [255, 191, 99, 0]
    assert film.get_attribute("#invert", "aria-pressed") == "true"


def test_dragging_changes_window_and_level(film):
    box = film.locator("[data-pane=film] canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    film.mouse.move(x, y)
    film.mouse.down()
    film.mouse.move(x - 100, y + 50)
    film.mouse.up()
    width = 65535 * math.exp(-3 * 100 / box["width"])
    center = 32767.5 + 50 / box["height"] * 65535
    found_width, found_center = settings_shown(film)
    assert found_width == pytest.approx(width, abs=1)
    assert found_center == pytest.approx(center, abs=1)
    assert shown_stripes(film) == pytest.approx([shade(value, center, width) for value in LEVELS], abs=1)


def test_neighbouring_values_of_16_bits_can_be_told_apart(page):
    """A window two values wide: what 8 bits would have lost."""
    page.keyboard.press("h")
    picture = np.repeat(np.array([[30000, 30001, 30002, 65535]], np.uint16), 100, axis=1).repeat(200, axis=0)
    add(page, film_file(picture))
    script = """async () => {
      const { shown, changed } = await import('/static/store.js');
      shown().window = { center: 30001, width: 2 };
      changed();
    }"""
    page.evaluate(script)
    assert shown_stripes(page) == [0, 128, 255, 255]


def test_automatic_window_leaves_out_the_rarest(page):
    """Of 10,000 pixels 50 are black and 50 white: less than one in a hundred each. The rest is 20000 or 30000."""
    page.keyboard.press("h")
    picture = np.full((100, 100), 20000, np.uint16)
    picture[:, 50:] = 30000
    picture[:50, 0], picture[:50, 99] = 0, 65535
    add(page, film_file(picture))
    page.keyboard.press("w")
    rest(page)
    assert settings_shown(page) == (10000, 25000)


def test_reset(film):
    for key in ("i", "w", "+", "+"):
        film.keyboard.press(key)
    film.keyboard.press("r")
    assert settings_shown(film) == (65535, 32768)
    assert shown_stripes(film) == [0, 64, 156, 255]


def test_arrows_with_shift_change_the_window_when_the_film_has_the_focus(film):
    film.focus("#stage")
    film.keyboard.press("Shift+ArrowRight")
    assert settings_shown(film)[0] == round(65535 * math.exp(0.06))
