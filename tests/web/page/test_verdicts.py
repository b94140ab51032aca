"""The reader's verdict: it can be taken back until it is sent, and says classes and the model alone."""

from __future__ import annotations

import json

import pytest

from tests.web.page.films import add, plain_film, until

SENT = "document.querySelector('#verdict-line').textContent.includes('; sent.')"


@pytest.fixture
def sent(page):
    """The verdicts that have left the page."""
    bodies = []

    def remember(request):
        if "/api/verdicts" in request.url:
            bodies.append(json.loads(request.post_data))

    page.on("request", remember)
    return bodies


@pytest.mark.parametrize(("key", "verdict", "mark"), [("a", "accept", "accepted"), ("x", "reject", "rejected")])
def test_accept_and_reject(page, sent, key, verdict, mark):
    add(page, plain_film())
    page.keyboard.press(key)
    assert page.locator(".row .mark").inner_text() == mark
    assert sent == []
    page.click("#send-now")
    until(page, SENT)
    assert sent == [{"label": "COVID-19", "verdict": verdict, "amended": None, "model": ""}]
    assert page.locator("button[data-verdict=accept]").is_disabled()


def test_amend_offers_the_other_classes(page, sent):
    add(page, plain_film())
    page.click("[data-verdict=amend]")
    assert page.locator("#amend button").all_inner_texts() == ["Healthy", "Pneumonia"]
    page.click("#amend button:text('Pneumonia')")
    assert page.locator("#verdict-text").inner_text().startswith("Amended to Pneumonia; sent in ")
    page.click("#send-now")
    until(page, SENT)
    assert sent == [{"label": "COVID-19", "verdict": "amend", "amended": "Pneumonia", "model": ""}]


def test_undo(page, sent):
    add(page, plain_film())
    page.keyboard.press("x")
    page.click("#undo")
    assert page.locator(".row .mark").text_content() == ""
    assert page.locator("#verdict-pending").is_hidden()
    assert page.locator("[data-verdict=reject]").get_attribute("aria-pressed") == "false"
    page.keyboard.press("a")
    page.click("#send-now")
    until(page, SENT)
    assert [fields["verdict"] for fields in sent] == ["accept"]


def test_it_is_sent_by_itself_when_its_time_is_up(page, sent):
    add(page, plain_film())
    page.keyboard.press("a")
    page.evaluate("import('/static/store.js').then(s => { s.cases[0].verdict.due = performance.now(); })")
    until(page, SENT)
    assert len(sent) == 1


def test_closing_the_page_sends_what_is_held(page, site):
    add(page, plain_film())
    page.keyboard.press("a")
    page.goto("about:blank")
    other = page.context.new_page()
    other.goto(site.url + "metrics")
    until(other, "/coronet_verdicts_total{[^}]*accept[^}]*} [1-9]/.test(document.body.textContent)")


def test_each_film_has_its_own(page, sent):
    add(page, plain_film("a.png"), plain_film("b.png"))
    page.keyboard.press("a")
    page.keyboard.press("j")
    assert page.locator("#verdict-pending").is_hidden()
    page.keyboard.press("x")
    assert page.locator(".row .mark").all_inner_texts() == ["accepted", "rejected"]


@pytest.mark.parametrize(
    "fields", [{"prediction_set": {"90": ["COVID-19", "Pneumonia"]}}, {"prediction_set": {"90": []}}]
)
def test_no_verdict_on_what_is_no_answer(page, site, sent, fields):
    """An accepted "I do not know" would count as agreement with a class that the model did not name."""
    site.model.behaviour.prediction = fields
    add(page, plain_film())
    page.keyboard.press("a")
    assert page.locator(".row .mark").text_content() == ""
    assert [button.is_disabled() for button in page.locator("#verdict-buttons button").all()] == [True] * 3
    assert page.text_content("#verdict-line").startswith("The model gave no answer")
    site.model.behaviour.prediction = {}
    add(page, plain_film())
    page.keyboard.press("j")
    assert page.locator("[data-verdict=accept]").is_enabled()
    assert page.text_content("#verdict-line") == ""


@pytest.mark.parametrize("all_of_them", [False, True])
def test_removing_the_film_sends_what_is_held(page, sent, all_of_them):
    add(page, plain_film())
    page.keyboard.press("x")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#clear" if all_of_them else ".row .remove")
    until(page, "document.querySelectorAll('.row').length === 0")
    assert [fields["verdict"] for fields in sent] == ["reject"]
