"""The report: what is sent to be put into it, and the file that comes back."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from PIL import Image

from tests.web.page.films import add, plain_film, until, wait_for_map


def make(page: Any, kind: str) -> tuple[dict[str, Any], Any]:
    """Make the report; what was sent, and the download."""
    page.keyboard.press("p")
    page.check(f"[name=format][value={kind}]", force=True)
    with page.expect_request("**/api/report?*") as request, page.expect_download() as download:
        page.click("#report-make")
    return json.loads(request.value.post_data), download.value


def test_what_is_sent(page):
    add(page, plain_film("a.png"), plain_film("b.png"))
    wait_for_map(page)
    page.keyboard.press("x")
    sent, download = make(page, "html")
    assert download.suggested_filename.endswith(".html")
    first, second = sent["cases"]
    assert [one["name"] for one in sent["cases"]] == ["a.png", "b.png"]
    assert first["verdict"] == {"verdict": "reject", "amended": None}
    assert second["verdict"] is None
    assert first["probabilities"]["COVID-19"] == 0.88
    assert [(each["method"], each["target"]) for each in first["explanations"]] == [
        ("meaningful_perturbation", "COVID-19")
    ]
    assert second["explanations"] == []
    for picture in (first["film_png"], first["explanations"][0]["overlay_png"]):
        image = Image.open(io.BytesIO(base64.b64decode(picture)))
        assert image.size == (128, 128)
    assert first["explanations"][0]["residual_png"]


def test_picked_films_without_names(page):
    add(page, *(plain_film(f"{name}.png") for name in "abc"))
    page.locator(".pick").nth(1).check()
    page.click("#report-open")
    assert page.locator("#report-which").inner_text() == "1 film picked."
    page.uncheck("#report-names")
    page.keyboard.press("Escape")
    sent, _ = make(page, "html")
    assert [(one["number"], one["name"]) for one in sent["cases"]] == [(2, "")]


def test_the_film_is_sent_as_it_is_seen(page):
    add(page, plain_film())
    page.keyboard.press("i")
    sent, _ = make(page, "html")
    image = Image.open(io.BytesIO(base64.b64decode(sent["cases"][0]["film_png"]))).convert("L")
    assert image.getpixel((2, 64)) > 200
    assert image.getpixel((125, 64)) < 60


def test_films_whose_pixels_were_let_go_are_in_it(page):
    """Of many films only the pixels of the last seen are kept; the report has them all."""
    add(page, plain_film("a.png"), plain_film("b.png"))
    page.evaluate("import('/static/store.js').then(s => { s.cases[1].film.pixels = null; })")
    sent, _ = make(page, "html")
    assert [one["name"] for one in sent["cases"]] == ["a.png", "b.png"]
    image = Image.open(io.BytesIO(base64.b64decode(sent["cases"][1]["film_png"]))).convert("L")
    assert (image.getpixel((0, 64)), image.getpixel((127, 64))) == (20, 230)


def test_a_report_that_is_refused(page):
    add(page, plain_film())
    page.route("**/api/report?*", lambda route: route.fulfill(status=413, body='{"error": "found 200 MB, need 100"}'))
    page.keyboard.press("p")
    page.click("#report-make")
    until(page, "document.querySelector('#report-line').textContent === 'found 200 MB, need 100'")
    assert page.locator("#report-make").is_enabled()


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_the_file(page, kind):
    add(page, plain_film())
    wait_for_map(page)
    _, download = make(page, kind)
    data = download.path().read_bytes()
    assert data.startswith(b"%PDF" if kind == "pdf" else b"<!doctype html>")


def test_the_html_is_no_wider_than_its_window(page, tmp_path):
    add(page, plain_film("x" * 240 + ".png"))
    _, download = make(page, "html")
    download.save_as(tmp_path / "report.html")
    opened = page.context.browser.new_page(viewport={"width": 390, "height": 844})
    opened.goto((tmp_path / "report.html").as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") == 390
    opened.close()
