"""The montage: a row for each explanation, its panels in the X-ray's shape."""

from __future__ import annotations

import numpy as np
import pytest

from outputs.colour_map import palette
from outputs.montage import PANEL, draw_montage, map_row


@pytest.fixture
def ramp():
    """A map that rises from left (0) to right (1)."""
    return np.tile(np.linspace(0, 1, 28, dtype=np.float32), (28, 1))


def test_each_explanation_has_a_row_of_three_panels(ramp):
    tall = np.full((200, 100), 0.5, dtype=np.float32)
    row = map_row("an X-ray\ngrad_cam", tall, ramp, "a sign", panel=96)
    assert [panel.size for panel in row.panels] == [(48, 96)] * 3
    one, two = (draw_montage("title", [row] * count, panel=96) for count in (1, 2))
    assert one.width == two.width == 14 + 3 * (96 + 14)
    assert two.height - one.height == 96 + 5 * 22


def test_the_panels_are_xray_map_and_overlay(ramp):
    xray, heatmap, overlay = map_row("x", np.full((28, 28), 0.5, np.float32), ramp, "", panel=28).panels
    assert xray.getpixel((14, 14)) == (128, 128, 128)
    assert heatmap.getpixel((0, 14)) == tuple(palette()[0])
    assert heatmap.getpixel((27, 14)) == tuple(palette()[255])
    assert overlay.getpixel((0, 14)) == (128, 128, 128)  # nothing matters there
    assert overlay.getpixel((27, 14)) != (128, 128, 128)


def test_the_bar_below_the_map_has_its_colours(ramp):
    canvas = draw_montage("", [map_row("", np.zeros((96, 96), np.float32), ramp, "")])
    top = 14 + 4 * 22 + PANEL + 7 + 6
    row = [canvas.getpixel((x, top)) for x in range(canvas.width)]
    assert row.index(tuple(palette()[0])) < row.index(tuple(palette()[255]))


def test_the_answer_stands_below_the_title(ramp):
    row = map_row("x", np.full((28, 28), 0.5, np.float32), ramp, "", panel=96)
    texts = ("", "I do not know: why.")
    without, known = (np.asarray(draw_montage("title", [row], panel=96, answer=text)) for text in texts)
    title = 14 + 24  # where it ends
    assert len(known) - len(without) == 22
    assert (known[title + 22 :] == without[title:]).all()  # all else is as before, a line lower
    assert (known[title : title + 22] < 100).any()


def test_warnings_stand_below_all(ramp):
    row = map_row("x", np.full((28, 28), 0.5, np.float32), ramp, "", panel=96)
    without, with_two = (draw_montage("", [row], panel=96, warnings=texts) for texts in ((), ("short", "also short")))
    assert with_two.height - without.height == 2 * 22
    foot = np.asarray(with_two)[without.height - 2 * 22 : without.height]
    assert (foot == (176, 32, 24)).all(axis=-1).any()
