"""Servers that go away: one line, everything kept, and on it goes by itself when they are back."""

from __future__ import annotations

import pytest

from tests.web.page.films import add, plain_film, until, wait_for_map

LINE = "document.querySelector('#connection-line').textContent"
HIDDEN = "document.querySelector('#connection').hidden"


@pytest.fixture(autouse=True)
def running(site):
    yield
    site.stop()
    site.start()


def quick(page):
    """Ask again at once instead of after the usual wait."""
    page.click("#connection-now")


def test_the_pages_server_restarts_while_films_are_read(page, site):
    add(page, plain_film("before.png"))
    wait_for_map(page)
    site.stop()
    page.set_input_files("#files", [plain_film("meanwhile.png")])
    until(page, f"!{HIDDEN}")
    assert page.evaluate(LINE) == (
        "The server does not answer. Nothing on this page is lost; it tries again by itself."
    )
    assert page.locator("#headline-text").inner_text() == "COVID-19"  # what was there is there
    page.keyboard.press("i")
    assert page.get_attribute("#invert", "aria-pressed") == "true"  # and can be worked with
    site.start()
    until(page, "document.querySelectorAll('.row[data-phase=answered]').length === 2", 20)
    until(page, HIDDEN)


def test_the_models_server_is_away(page, site):
    site.model.behaviour.away = True
    page.set_input_files("#files", [plain_film()])
    until(page, f"!{HIDDEN}")
    # The film is there already: the page's own server reads it.
    until(page, "document.querySelector('#film-window').textContent.startsWith('W 65535')")
    assert page.evaluate(LINE).endswith("Nothing on this page is lost; it tries again by itself.")
    assert page.locator(".row .state").inner_text() == "the model is asked"
    site.model.behaviour.away = False
    until(page, "document.querySelectorAll('.row[data-phase=answered]').length === 1", 20)
    until(page, HIDDEN)


def test_every_film_can_be_looked_at_while_the_models_server_is_away(page, site):
    site.model.behaviour.away = True
    page.set_input_files("#files", [plain_film(f"{number}.png") for number in range(5)])
    until(page, f"!{HIDDEN}")
    read = "import('/static/store.js').then(s => s.cases.filter(one => one.film?.pixels).length)"
    until(page, f"{read}.then(films => films === 5)")
    assert page.locator(".row .state").last.inner_text() == "waits for the model"
    site.model.behaviour.away = False
    until(page, "document.querySelectorAll('.row[data-phase=answered]').length === 5", 20)


def test_an_explanation_goes_on_after_a_restart(page, site):
    site.model.behaviour.explain_seconds = 30
    add(page, plain_film())
    until(page, "/ s;/.test(document.querySelector('#progress-text').textContent)")
    site.stop()
    until(page, f"!{HIDDEN}", 20)
    site.model.behaviour.explain_seconds = 0
    site.start()
    quick(page)
    wait_for_map(page)


def test_cancel_while_the_server_is_away(page, site):
    page.uncheck("#auto")
    add(page, plain_film())
    site.stop()
    page.keyboard.press("e")
    until(page, f"!{HIDDEN}")
    page.keyboard.press("Escape")
    assert page.locator("#explain-line").inner_text().startswith("Cancelled")
    site.start()
    quick(page)
    until(page, HIDDEN)
    assert site.model.behaviour.explained == []


def test_a_verdict_waits_for_the_server(page, site):
    add(page, plain_film())
    wait_for_map(page)
    site.stop()
    page.keyboard.press("a")
    page.click("#send-now")
    until(page, f"!{HIDDEN}")
    assert page.locator("#verdict-line").inner_text() == "Accepted; is being sent."
    site.start()
    quick(page)
    until(page, "document.querySelector('#verdict-line').textContent.startsWith('Accepted; sent.')")


def test_another_model_is_noticed(page):
    """The answers that are there are of the model before."""
    serve = "import('/static/store.js').then(s => { s.served.about.sha256 = { 'cin.pt': '%s' }; s.changed(); })"
    page.evaluate(serve % ("a" * 64))
    add(page, plain_film())
    assert page.locator("#warnings li").count() == 0
    page.evaluate(serve % ("b" * 64))
    until(page, "document.querySelectorAll('#warnings li').length === 1")
    assert "another model now" in page.locator("#warnings li").inner_text()
    assert page.locator("#model").inner_text() == "coronet 1.0, bbbbbbbb"


def test_a_transfer_that_breaks_while_the_server_is_well_is_given_up(page):
    """What a server does that does not take so much: no answer, only a broken connection."""
    page.route("**/api/film", lambda route: route.abort())
    page.set_input_files("#files", [plain_film()])
    until(page, "document.querySelectorAll('.row[data-phase=refused]').length === 1", 20)
    assert "broke off 3 times" in page.locator(".row .state").inner_text()
    until(page, HIDDEN)
