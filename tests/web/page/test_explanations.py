"""Explanations: asked for unasked, by method and class, with progress, and cancelled at the server too."""

from __future__ import annotations

import time

from tests.web.page.films import add, plain_film, until, wait_for_map


def wait_for_explaining(page):
    until(page, "!document.querySelector('#progress').hidden")


def test_the_film_shown_is_explained_by_itself(page, site):
    add(page, plain_film("a.png"), plain_film("b.png"))
    wait_for_map(page)
    assert site.model.behaviour.explained == [{"method": "meaningful_perturbation", "target": "COVID-19"}]
    assert "removing it lowers the probability of COVID-19" in page.text_content("#explain-line")
    assert page.locator("#scores dd").all_inner_texts()[:4] == ["0.88", "0.05", "0.210", "0.800"]


def test_unasked_can_be_switched_off(page, site):
    page.uncheck("#auto")
    add(page, plain_film())
    assert site.model.behaviour.explained == []
    page.keyboard.press("e")
    wait_for_map(page)
    assert len(site.model.behaviour.explained) == 1


def test_methods_and_classes(page, site):
    add(page, plain_film())
    wait_for_map(page)
    page.select_option("#method", "grad_cam")
    until(
        page, "document.querySelector('[data-pane=film] figcaption').textContent === 'Grad-CAM, evidence for COVID-19'"
    )
    wait_for_map(page)
    page.get_by_role("radio", name="Pneumonia").check(force=True)
    until(page, "document.querySelector('#explain-line').textContent.includes('of Pneumonia')")
    asked = [(fields["method"], fields["target"]) for fields in site.model.behaviour.explained]
    assert asked == [("meaningful_perturbation", "COVID-19"), ("grad_cam", "COVID-19"), ("grad_cam", "Pneumonia")]
    page.keyboard.press("c")  # what is there already is not asked for again
    until(page, "document.querySelector('#explain-line').textContent.includes('of COVID-19')")
    assert len(site.model.behaviour.explained) == 3


def let_usual_seconds_be(page, seconds):
    script = "seconds => import('/static/store.js').then(s => { s.served.about.usual_seconds = seconds; })"
    page.evaluate(script, seconds)


def test_progress_says_what_is_usual(page, site):
    site.model.behaviour.explain_seconds = 30
    let_usual_seconds_be(page, {})
    add(page, plain_film("a.png"), plain_film("b.png"))
    until(page, "/not known yet/.test(document.querySelector('#progress-text').textContent)")
    site.model.behaviour.explain_seconds = 0
    wait_for_map(page)
    site.model.behaviour.explain_seconds = 30
    page.keyboard.press("j")
    words = r"/^[\d.]+ s; such an explanation usually takes [\d.]+ s$/"
    until(page, f"{words}.test(document.querySelector('#progress-text').textContent)")
    site.model.behaviour.explain_seconds = 0
    wait_for_map(page)


def test_the_bar_is_full_when_it_usually_ends(page, site):
    site.model.behaviour.explain_seconds = 30
    let_usual_seconds_be(page, {"meaningful_perturbation": 20})
    add(page, plain_film())
    until(page, "/usually takes 20 s$/.test(document.querySelector('#progress-text').textContent)")
    assert page.evaluate("document.querySelector('#progress-bar').max") == 20
    assert 0 < page.evaluate("document.querySelector('#progress-bar').value") < 20
    site.model.behaviour.explain_seconds = 0
    wait_for_map(page)  # or it would be given up, and told so to the next test's model


def test_cancel_ends_it_at_the_server(page, site):
    site.model.behaviour.explain_seconds = 30
    add(page, plain_film())
    wait_for_explaining(page)
    until(page, "/ s;/.test(document.querySelector('#progress-text').textContent)")
    started = time.monotonic()
    while not site.model.behaviour.explained:
        time.sleep(0.02)
    page.click("#cancel")
    assert page.locator("#explain-line").inner_text().startswith("Cancelled after")
    while not site.model.behaviour.abandoned:
        assert time.monotonic() - started < 8, "the server was not told"
        time.sleep(0.02)
    # The keyboard is where it is needed, and nothing was asked again by itself.
    assert page.evaluate("document.activeElement.id") == "explain"
    assert len(site.model.behaviour.explained) == 1
    site.model.behaviour.explain_seconds = 0
    page.keyboard.press("e")
    wait_for_map(page)


def test_escape_cancels(page, site):
    site.model.behaviour.explain_seconds = 30
    add(page, plain_film())
    wait_for_explaining(page)
    page.keyboard.press("Escape")
    assert page.locator("#explain-line").inner_text().startswith("Cancelled")


def test_a_film_gone_by_is_not_explained(page, site):
    """What waits unasked is dropped when the reader has gone on; what runs is finished."""
    page.uncheck("#auto")
    add(page, *(plain_film(f"{name}.png") for name in "abcd"))
    site.model.behaviour.explain_seconds = 30
    page.check("#auto")
    wait_for_explaining(page)
    for _ in range(3):
        page.keyboard.press("j")
    site.model.behaviour.explain_seconds = 0
    wait_for_map(page)
    done = "import('/static/store.js').then(s => s.cases.map(one => one.explanations.size))"
    assert page.evaluate(done) == [1, 0, 0, 1]


def test_an_explanation_without_a_map_is_refused(page, site):
    page.route("**/api/explain?*", lambda route: route.fulfill(json={"heatmap": []}))
    add(page, plain_film())
    until(page, "document.querySelector('#explain-line').textContent.startsWith('The server sent something')")


def test_a_refused_explanation_says_why(page, site):
    site.model.behaviour.refuse_explanations = "it would take 700 s: ask for fewer steps"
    add(page, plain_film())
    until(page, "document.querySelector('#explain-line').textContent !== ''")
    assert page.locator("#explain-line").inner_text() == "it would take 700 s: ask for fewer steps"
    assert page.locator("#headline-text").inner_text() == "COVID-19"  # the answer stays


def test_removing_the_film_ends_it_and_is_no_failure(page, site):
    site.model.behaviour.explain_seconds = 30
    add(page, plain_film())
    wait_for_explaining(page)
    until(page, "/ s;/.test(document.querySelector('#progress-text').textContent)")
    page.keyboard.press("Delete")
    until(page, "document.querySelector('#say').textContent.includes('removed')")
    until(page, "new Promise(done => setTimeout(() => done(true), 300))")
    assert "No heat map" not in page.text_content("#say")
    limit = time.monotonic() + 5
    while not site.model.behaviour.abandoned:
        assert time.monotonic() < limit
        time.sleep(0.02)
