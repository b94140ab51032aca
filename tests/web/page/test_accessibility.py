"""axe-core finds nothing in any state of the page, dark or light, on a desk and on a phone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.web.page.films import add, film_file, plain_film, until, wait_for_map

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


def empty(page: Any, site: Any) -> None:
    pass


def explained(page: Any, site: Any) -> None:
    site.model.behaviour.prediction = {
        "such_answers": {"answers": 100, "right": 69},
        "warnings": ["trained on phantoms only"],
    }
    add(page, plain_film(), plain_film("second.png"))
    wait_for_map(page)


def beside(page: Any, site: Any) -> None:
    explained(page, site)
    page.keyboard.press("2")


def residuals(page: Any, site: Any) -> None:
    explained(page, site)
    page.keyboard.press("3")
    page.keyboard.press("i")


def explaining(page: Any, site: Any) -> None:
    site.model.behaviour.explain_seconds = 30
    add(page, plain_film())
    until(page, "!document.querySelector('#progress').hidden")


def unsure(page: Any, site: Any) -> None:
    site.model.behaviour.prediction = {"prediction_set": {"90": ["COVID-19", "Pneumonia"]}}
    add(page, plain_film())


def outside(page: Any, site: Any) -> None:
    site.model.behaviour.prediction = {
        "prediction_set": {"90": []},
        "in_scope": {"value": False, "reason": "looks like no frontal chest film"},
    }
    add(page, film_file(np.full((64, 64), 9, np.uint8)))


def refused(page: Any, site: Any) -> None:
    add(page, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"})


def help_dialog(page: Any, site: Any) -> None:
    page.keyboard.press("?")


def report_dialog(page: Any, site: Any) -> None:
    explained(page, site)
    page.keyboard.press("p")


def held_verdict(page: Any, site: Any) -> None:
    explained(page, site)
    page.keyboard.press("x")
    page.keyboard.press("n")


def away(page: Any, site: Any) -> None:
    site.model.behaviour.away = True
    page.set_input_files("#files", [plain_film()])
    until(page, "!document.querySelector('#connection').hidden")


STATES = [
    empty,
    explained,
    beside,
    residuals,
    explaining,
    unsure,
    outside,
    refused,
    help_dialog,
    report_dialog,
    held_verdict,
    away,
]


def violations(page: Any, axe_source: str) -> list[str]:
    """What axe-core objects to, best practices included."""
    page.evaluate(axe_source)
    found = page.evaluate("axe.run()")
    assert len(found["passes"]) > 10  # it did run
    return [f"{rule['id']}: {node['html']}" for rule in found["violations"] for node in rule["nodes"]]


@pytest.mark.parametrize("state", STATES)
def test_no_violation_dark_or_light(page, site, axe_source, state):
    state(page, site)
    assert violations(page, axe_source) == []
    page.evaluate("import('/static/store.js').then(s => { s.settings.theme = 'light'; s.changed(); })")
    until(page, "document.documentElement.dataset.theme === 'light'")
    assert violations(page, axe_source) == []


@pytest.mark.parametrize("state", [empty, explained, refused, held_verdict])
def test_phone(new_page, site, axe_source, state):
    page = new_page(**PHONE)
    state(page, site)
    assert violations(page, axe_source) == []
    assert page.evaluate("document.documentElement.scrollWidth") == 390  # nothing to scroll sideways
    page.evaluate("scrollTo(0, 9999)")
    assert page.locator(".research strong").is_visible()
    assert page.evaluate("document.querySelector('.research').getBoundingClientRect().top") >= 0  # still in sight


def test_zoomed_to_400_percent(new_page, site):
    """1280 pixels at 400% are 320: nothing is cut off sideways (WCAG 1.4.10)."""
    page = new_page(viewport={"width": 320, "height": 256})
    explained(page, site)
    assert page.evaluate("document.documentElement.scrollWidth") == 320


def test_nothing_moves_for_those_who_do_not_want_it(new_page):
    page = new_page(reduced_motion="reduce")
    script = """() => [...document.querySelectorAll('*')].filter(element => {
      const style = getComputedStyle(element);
      return style.animationName !== 'none' || style.transitionDuration.split(', ').some(t => parseFloat(t) > 0);
    }).length"""
    assert page.evaluate(script) == 0


def test_what_happens_is_said(page, site):
    add(page, plain_film("a.png"))
    until(page, "document.querySelector('#say').textContent.includes('Film 1: COVID-19, 0.88')")
    wait_for_map(page)
    until(page, "/Heat map of .* for COVID-19 is shown/.test(document.querySelector('#say').textContent)")
    page.keyboard.press("a")
    until(page, "document.querySelector('#say').textContent.includes('press U to undo')")


def test_dark_is_the_default_and_light_is_remembered(page):
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.click("#theme")
    page.reload()
    until(page, "document.documentElement.dataset.theme === 'light'")
