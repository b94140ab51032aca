"""Films onto the page and off it again: dropped, chosen, refused, sorted, removed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.image_writers import write_dicom
from tests.web.page.films import add, plain_film, until, wait_for_map

DROP = """() => {
  const transfer = new DataTransfer();
  transfer.items.add(new File(['no film'], 'notes.txt'));
  transfer.items.add(new File(['neither'], 'list.csv'));
  const options = { dataTransfer: transfer, bubbles: true, cancelable: true };
  const event = type => document.body.dispatchEvent(new DragEvent(type, options));
  event('dragenter');
  const veiled = !document.querySelector('#drop-veil').hidden;
  event('drop');
  return [veiled, document.querySelector('#drop-veil').hidden];
}"""


def names(page: Any) -> list[str]:
    """The names in the list, from above."""
    return [text.split("  ")[1] for text in page.locator(".row .name").all_inner_texts()]


def test_dropping_anywhere_on_the_page(page):
    assert page.evaluate(DROP) == [True, True]
    until(page, "document.querySelectorAll('.row[data-phase=refused]').length === 2")


def test_a_file_that_is_no_film_gets_one_line(page):
    add(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}, plain_film())
    line = page.locator(".row[data-phase=refused] .state").inner_text()
    assert "found text, not an image" in line
    assert "\n" not in line
    assert page.locator(".row[data-phase=answered]").count() == 1  # its neighbour is answered
    assert line in page.locator("#answer-error").inner_text()


def test_empty_and_huge_files_are_not_sent(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    until(page, "import('/static/store.js').then(s => s.served.about.largest_bytes > 0)")
    huge = "import('/static/store.js').then(s => { s.served.about.largest_bytes = 1000; })"
    page.evaluate(huge)
    add(
        page,
        {"name": "empty.dcm", "mimeType": "", "buffer": b""},
        {"name": "huge.dcm", "mimeType": "", "buffer": b"x" * 2000},
    )
    assert page.locator(".row .state").all_inner_texts() == [
        "The file is empty.",
        "2 kB is too large: the server takes files of at most 1 kB.",
    ]
    assert not [url for url in asked if "/api/film" in url or "/api/predict" in url]


def test_a_dicom_film(page):
    pixels = np.tile(np.linspace(0, 4095, 256).astype(np.uint16), (200, 1))
    add(page, {"name": "IM000001", "mimeType": "", "buffer": write_dicom(pixels)})
    facts = page.locator("#facts dd").all_inner_texts()
    assert facts[1].startswith("DICOM")
    assert facts[2].startswith("256 \u00d7 200")
    assert page.locator(".row[data-phase=answered]").count() == 1


def test_many_films_at_once(page):
    add(page, *(plain_film(f"film-{number}.png") for number in range(12)))
    assert page.locator(".row[data-phase=answered]").count() == 12
    assert page.locator("#list-count").inner_text() == "12"


def test_sort(page, site):
    add(page, plain_film("b10.png"))
    site.model.behaviour.prediction = {
        "label": "Healthy",
        "probabilities": {"Healthy": 0.5, "Pneumonia": 0.3, "COVID-19": 0.2},
    }
    add(page, plain_film("b9.png"))
    orders = {
        "added": ["b10.png", "b9.png"],
        "newest": ["b9.png", "b10.png"],
        "name": ["b9.png", "b10.png"],  # 9 before 10
        "label": ["b10.png", "b9.png"],  # COVID-19, Healthy
        "unsure": ["b9.png", "b10.png"],
    }
    for order, expected in orders.items():
        page.select_option("#sort", order)
        until(page, f"document.querySelector('.row .name').textContent.endsWith('{expected[0]}')")
        assert names(page) == expected


def test_sorted_by_what_the_rows_say_and_films_without_an_answer_last(page, site):
    add(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}, plain_film("named.png"))
    site.model.behaviour.prediction = {
        "label": "COVID-19",
        "probabilities": {"Healthy": 0.4, "Pneumonia": 0.1, "COVID-19": 0.5},
        "prediction_set": {"90": []},
    }
    add(page, plain_film("unknown.png"))
    site.model.behaviour.prediction = {
        "label": "Healthy",
        "probabilities": {"Healthy": 0.5, "Pneumonia": 0.3, "COVID-19": 0.2},
    }
    add(page, plain_film("healthy.png"))
    page.select_option("#sort", "label")
    until(page, "document.querySelector('.row .name').textContent.endsWith('named.png')")
    assert names(page) == ["named.png", "healthy.png", "unknown.png", "notes.txt"]


def test_remove_shows_the_next(page):
    add(page, *(plain_film(name) for name in ("a.png", "b.png", "c.png")))
    page.keyboard.press("j")
    page.keyboard.press("Delete")
    assert names(page) == ["a.png", "c.png"]
    assert page.locator(".row[data-current=true] .name").inner_text() == "3  c.png"
    page.once("dialog", lambda dialog: dialog.accept())
    page.click("#clear")
    assert names(page) == []
    assert page.locator("#drop").is_visible()
    assert page.locator("#answer-none").inner_text() == "No film is shown."


def test_removing_while_it_is_read(page, site):
    site.model.behaviour.predict_seconds = 1.0
    page.set_input_files("#files", [plain_film("slow.png")])
    until(page, "document.querySelectorAll('.row').length === 1")
    page.keyboard.press("Delete")
    site.model.behaviour.predict_seconds = 0
    add(page, plain_film("next.png"))
    assert names(page) == ["next.png"]
    assert page.locator(".row[data-phase=answered]").count() == 1


def test_pixels_that_were_let_go_come_back(page):
    """Of many films only the pixels of the last seen are kept; the others are read again when they are shown."""
    add(page, plain_film("a.png"), plain_film("b.png"))
    page.evaluate("import('/static/store.js').then(s => { s.cases[1].film.pixels = null; })")
    page.keyboard.press("j")
    until(page, "import('/static/store.js').then(s => s.cases[1].film.pixels !== null)")
    wait_for_map(page)
    page.mouse.move(700, 450)
    assert "x " in page.text_content("#film-point")


@pytest.mark.parametrize("label", ["Accept", "Reject", "Amend"])
def test_no_verdict_on_what_was_refused(page, label):
    add(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})
    assert page.get_by_role("button", name=label).is_disabled()


@pytest.mark.parametrize("fields", [{"label": "Nonsense"}, {"probabilities": None}, {"label": None}])
def test_an_answer_that_is_none_is_refused(page, site, fields):
    site.model.behaviour.prediction = fields
    add(page, plain_film())
    assert page.locator(".row .state").inner_text().startswith("The server sent something that is no answer")


def test_try_again(page, site):
    """A film that the server failed on for a reason of its own."""
    site.model.behaviour.prediction = {"probabilities": float("nan")}  # no JSON
    add(page, plain_film())
    assert page.locator(".row[data-phase=refused]").count() == 1
    site.model.behaviour.prediction = {}
    page.click("#answer-error button")
    until(page, "document.querySelectorAll('.row[data-phase=answered]').length === 1")
