"""The map lies where it belongs: a film with a bright square, and a map whose one hot cell is the same square."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from outputs.colour_map import palette
from outputs.drawing import resize
from tests.web.page.fake_model import GRID, HOT_COLUMN, HOT_ROW, RESIDUAL_SIDE, RESIDUAL_SQUARE
from tests.web.page.films import add, canvas_pixels, film_file, rest, until, wait_for_map

CELL = 12  # pixels of the film to a cell of the map, down


def film_with_square(across: int = CELL) -> dict[str, Any]:
    """A film of 28 x 28 cells, the hot one white."""
    picture = np.full((GRID * CELL, GRID * across), 40, np.uint8)
    rows = slice(HOT_ROW * CELL, (HOT_ROW + 1) * CELL)
    picture[rows, HOT_COLUMN * across : (HOT_COLUMN + 1) * across] = 255
    return film_file(picture)


def middle(mask: np.ndarray) -> tuple[float, float]:
    """Row and column of the middle of what is True."""
    assert mask.any()
    rows, columns = np.nonzero(mask)
    return float(rows.mean()), float(columns.mean())


def coloured(picture: np.ndarray) -> np.ndarray:
    """Where a picture is not gray."""
    return np.ptp(picture.astype(int), axis=2) > 60


def compare_panes(page: Any) -> float:
    """The distance, in pixels of the screen, between the film's square and the map's hot cell, side by side."""
    rest(page)
    square = middle(canvas_pixels(page, "film").min(axis=2) > 150)
    hot = middle(coloured(canvas_pixels(page, "second")))
    return float(np.hypot(square[0] - hot[0], square[1] - hot[1]))


@pytest.mark.parametrize("across", [6, 12, 20])  # tall, square and wide films: all are squashed to a square for the map
def test_hot_cell_lies_on_the_square(page, across):
    add(page, film_with_square(across))
    wait_for_map(page)
    page.keyboard.press("2")
    assert compare_panes(page) < 1


def test_panes_stay_in_step(page):
    """Zoomed in on the square by the wheel over one pane, moved in the other: both show the same place."""
    add(page, film_with_square())
    wait_for_map(page)
    page.keyboard.press("2")
    rest(page)
    box = page.locator("[data-pane=second] canvas").bounding_box()
    row, column = middle(coloured(canvas_pixels(page, "second")))
    page.mouse.move(box["x"] + column, box["y"] + row)
    page.mouse.wheel(0, -400)
    page.keyboard.down("Shift")
    page.mouse.down()
    page.mouse.move(box["x"] + column - 60, box["y"] + row + 40)
    page.mouse.up()
    page.keyboard.up("Shift")
    assert compare_panes(page) < 1.5
    moved = middle(coloured(canvas_pixels(page, "second")))
    assert moved == pytest.approx((row + 40, column - 60), abs=3)


def test_opacity_and_switching_off(page):
    add(page, film_with_square())
    wait_for_map(page)
    assert coloured(canvas_pixels(page)).any()
    page.locator("#opacity").fill("0")
    rest(page)
    assert not coloured(canvas_pixels(page)).any()
    page.locator("#opacity").fill("100")
    rest(page)
    hottest = canvas_pixels(page)[coloured(canvas_pixels(page))]
    assert np.abs(hottest.astype(int) - palette()[255]).sum(axis=1).min() <= 6  # the colour of 1, undiluted
    page.keyboard.press("h")
    rest(page)
    assert not coloured(canvas_pixels(page)).any()


def test_residuals_fill_the_film(page):
    """Both squares of the server's figure, cut out and laid over the film's own extent, on one scale."""
    add(page, film_with_square(20))
    wait_for_map(page)
    page.keyboard.press("3")
    until(page, "!document.querySelector('[data-pane=third] figcaption').textContent.includes('comes with')")
    rest(page)
    first, last = (edge / RESIDUAL_SIDE for edge in RESIDUAL_SQUARE)
    for pane, high in (("second", palette()[255]), ("third", palette()[128])):
        picture = canvas_pixels(page, pane).astype(int)
        film = np.nonzero(picture.any(axis=2))
        (top, bottom), (left, right) = ((edge.min(), edge.max() + 1) for edge in film)
        bright = np.nonzero(np.abs(picture - high).sum(axis=2) < 60)
        for edges, low, size in ((bright[0], top, bottom - top), (bright[1], left, right - left)):
            assert (edges.min() - low) / size == pytest.approx(first, abs=0.02)
            assert (edges.max() + 1 - low) / size == pytest.approx(last, abs=0.02)
        assert (right - left) / (bottom - top) == pytest.approx(20 / 12, abs=0.02)
        assert np.abs(picture[bottom - 5, right - 5] - palette()[0]).sum() < 12


def test_colours_are_the_kits(page):
    found = page.evaluate("import('/static/overlay.js').then(m => m.PALETTE)")
    assert np.abs(np.array(found) - palette()).max() <= 1


def test_interpolation_is_the_kits(page):
    cells = np.random.default_rng(0).random((7, 9)).astype(np.float32)
    script = "async rows => [...(await import('/static/overlay.js')).enlarge(rows, 90, 50)]"
    found = np.array(page.evaluate(script, cells.tolist())).reshape(50, 90)
    assert np.abs(found - resize(cells, (90, 50))).max() < 1e-4


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        (0, 0, "upper left of the picture, 1% of it strong"),
        (9, 9, "lower right of the picture, 1% of it strong"),
        (5, 5, "centre of the picture, 1% of it strong"),
        (5, 0, "middle left of the picture, 1% of it strong"),
    ],
)
def test_hottest_place_in_words(functions, row, column, words):
    cells = np.zeros((10, 10))
    cells[row, column] = 1
    assert functions("overlay.js", "whereHot", cells.tolist()) == words


def test_nothing_hot(functions):
    assert functions("overlay.js", "whereHot", [[0.1, 0.2]]) == "no region stands out"


def test_screen_readers_are_told_where(page):
    add(page, film_with_square())
    wait_for_map(page)
    label = page.get_attribute("[data-pane=film] canvas", "aria-label")
    assert "heat map of meaningful perturbation, evidence for COVID-19" in label
    assert "highest: upper right of the picture" in label


def test_pointer_reads_film_and_map(page):
    add(page, film_with_square())
    wait_for_map(page)
    box = page.locator("[data-pane=film] canvas").bounding_box()
    row, column = middle(coloured(canvas_pixels(page)))
    page.mouse.move(box["x"] + column, box["y"] + row)
    said = page.text_content("#film-point")
    assert "65535" in said
    assert "map 1.00" in said
