"""The colour map: 256 colours from dark blue to yellow, ever brighter, near Matplotlib's own."""

from __future__ import annotations

import numpy as np
import pytest

from outputs.colour_map import palette


def test_from_dark_blue_to_yellow_and_ever_brighter():
    colours = palette()
    assert (colours.dtype, colours.shape) == (np.uint8, (256, 3))
    assert colours[0].tolist() == [13, 8, 135]
    assert colours[255].tolist() == [240, 249, 33]
    brightness = colours.astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(brightness) > -1).all()


def test_near_matplotlibs_plasma():
    matplotlib = pytest.importorskip("matplotlib")
    theirs = matplotlib.colormaps["plasma"](np.arange(256), bytes=True)[:, :3]
    assert np.abs(palette().astype(int) - theirs).max() <= 6
