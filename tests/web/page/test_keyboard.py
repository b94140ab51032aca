"""Everything by keyboard: a walk from an empty page to a verdict, and every binding of the help dialog."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.page.films import add, plain_film, rest, until, wait_for_map

FOCUS = "document.activeElement.id || document.activeElement.className || document.activeElement.textContent"


def tab_to(page: Any, wanted: str, most: int = 60) -> None:
    """Press Tab until the element with this id, class or text has the focus."""
    for _ in range(most):
        if page.evaluate(FOCUS) == wanted:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not come to {wanted}")


def test_from_drop_to_verdict_without_a_mouse(page, site):
    files = [plain_film("a.png"), plain_film("b.png")]
    # Well before the dialog is opened: the browser must have been told to hand it over.
    page.on("filechooser", lambda chooser: chooser.set_files(files))
    rest(page)
    tab_to(page, "choose")
    page.keyboard.press("Enter")
    until(page, "document.querySelectorAll('.row[data-phase=answered]').length === 2")
    wait_for_map(page)
    tab_to(page, "open")  # the row of the film that is shown
    page.keyboard.press("ArrowDown")
    assert page.locator("[aria-current=true] .name").inner_text() == "2  b.png"
    assert "b.png" in page.evaluate("document.activeElement.textContent")
    tab_to(page, "stage")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("+")
    tab_to(page, "method")
    page.keyboard.press("ArrowDown")
    until(page, "document.querySelector('[data-pane=film] figcaption').textContent.startsWith('saliency')")
    wait_for_map(page)
    tab_to(page, "opacity")
    page.keyboard.press("ArrowRight")
    assert page.locator("#opacity-text").inner_text() == "70%"
    tab_to(page, "Amend")
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUS) == "Healthy"
    page.keyboard.press("Enter")
    assert page.evaluate(FOCUS) == "undo"
    tab_to(page, "send-now")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('#verdict-line').textContent.startsWith('Amended to Healthy; sent.')")


# Key, and what is so after it and was not before; in this order on one page.
KEYS = [
    ("i", "document.querySelector('#invert').getAttribute('aria-pressed') === 'true'"),
    ("w", "!document.querySelector('#film-window').textContent.startsWith('W 65535')"),
    ("h", "!document.querySelector('#map-on').checked"),
    (",", "document.querySelector('#opacity-text').textContent === '60%'"),
    (".", "document.querySelector('#opacity-text').textContent === '65%'"),
    ("m", "document.querySelector('#method').value === 'saliency'"),
    ("M", "document.querySelector('#method').value === 'meaningful_perturbation'"),
    ("c", "document.querySelector('[name=target]:checked').value === 'Healthy'"),
    ("C", "document.querySelector('[name=target]:checked').value === 'COVID-19'"),
    ("2", "!document.querySelector('[data-pane=second]').hidden"),
    ("3", "!document.querySelector('[data-pane=third]').hidden"),
    ("t", "document.documentElement.dataset.theme === 'light'"),
    ("?", "document.querySelector('#help').open"),
    ("p", "document.querySelector('#report').open"),
    ("b", "document.querySelector('.pick').checked"),
    ("z", "document.querySelector('#film-point').textContent.startsWith('100%')"),
    ("a", "document.querySelector('[data-verdict=accept]').getAttribute('aria-pressed') === 'true'"),
    ("n", "document.activeElement.textContent === 'Healthy'"),
    ("Delete", "document.querySelectorAll('.row').length === 0"),
]


def test_keys(page):
    add(page, plain_film())
    for key, state in KEYS:
        rest(page)
        assert not page.evaluate(state), key
        page.keyboard.press(key)
        until(page, state, 2)
        if page.locator("dialog[open]").count():
            page.keyboard.press("Escape")


def test_zoom_keys_and_fit(page):
    add(page, plain_film())
    rest(page)

    def percent() -> int:
        rest(page)
        return int(page.text_content("#film-point").rstrip("%"))

    fitted = percent()
    page.keyboard.press("+")
    assert percent() == pytest.approx(1.25 * fitted, abs=1)
    page.keyboard.press("-")
    assert percent() == pytest.approx(fitted, abs=1)
    page.keyboard.press("+")
    page.keyboard.press("f")
    assert percent() == fitted


def test_help_lists_every_key_and_letters_can_be_switched_off(page):
    add(page, plain_film())
    page.keyboard.press("?")
    assert page.locator("#help kbd").count() >= 35
    page.uncheck("#single-keys")
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    assert page.get_attribute("#invert", "aria-pressed") == "false"
    page.reload()  # remembered in this browser
    until(page, "document.querySelector('#method').options.length > 0")
    assert not page.is_checked("#single-keys")
    page.keyboard.press("?")  # help always opens
    assert page.locator("#help").is_visible()


def test_focus_is_seen_on_everything_that_takes_it(page):
    add(page, plain_film())
    wait_for_map(page)
    script = """() => {
      const element = document.activeElement;
      const drawn = element.matches('.choice input') ? element.nextElementSibling : element;
      return [element.id || element.className || element.textContent, getComputedStyle(drawn).outlineStyle];
    }"""
    outlines: dict[str, str] = {}
    for _ in range(60):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(script)
        if page.evaluate("document.activeElement === document.body"):
            break  # once around
        outlines[name] = outline
    assert {"stage", "method", "opacity", "map-on", "open", "Accept", "report-open"} <= set(outlines)
    assert [name for name, outline in outlines.items() if outline == "none"] == []
