"""Fingers on a phone: one moves the film, two zoom it, and the window is a matter of choosing it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.page.films import add, plain_film, rest
from tests.web.page.test_accessibility import PHONE


@pytest.fixture
def phone(new_page: Any) -> Any:
    page = new_page(**PHONE)
    add(page, plain_film())
    rest(page)
    return page


def touch(page: Any, *steps: list[tuple[float, float]]) -> None:
    """Put fingers down at the first step, move them through the others, lift them."""
    session = page.context.new_cdp_session(page)
    for number, fingers in enumerate(steps):
        points = [{"x": x, "y": y, "id": finger} for finger, (x, y) in enumerate(fingers)]
        kind = "touchMove" if number else "touchStart"
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def camera(page: Any) -> dict[str, float]:
    script = """async () => {
      const [{ shown }, { cameraOf }] = await Promise.all([import('/static/store.js'), import('/static/viewer.js')]);
      return cameraOf(shown());
    }"""
    return page.evaluate(script)


def test_one_finger_moves(phone):
    before = camera(phone)
    touch(phone, [(195, 350)], [(175, 350)], [(145, 330)])
    after = camera(phone)
    assert after["zoom"] == before["zoom"]
    assert (before["x"] - after["x"]) * after["zoom"] == pytest.approx(-50, abs=1)
    assert (before["y"] - after["y"]) * after["zoom"] == pytest.approx(-20, abs=1)


def test_two_fingers_zoom_about_their_middle(phone):
    before = camera(phone)
    touch(phone, [(175, 350), (215, 350)], [(155, 350), (235, 350)])
    after = camera(phone)
    assert after["zoom"] == pytest.approx(2 * before["zoom"], rel=0.02)
    assert after["x"] == pytest.approx(before["x"], abs=2)


def test_one_finger_changes_the_window_when_that_is_chosen(phone):
    phone.check("[name=tool][value=window]")
    touch(phone, [(195, 350)], [(250, 350)])
    rest(phone)
    assert int(phone.text_content("#film-window").split()[1]) > 65535
    assert camera(phone)["x"] == 64  # half of the film's 128 pixels: it did not move
