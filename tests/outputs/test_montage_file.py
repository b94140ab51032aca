"""The montage of a server's explanations, as a file."""

from __future__ import annotations

import base64
from io import BytesIO

import numpy as np
from PIL import Image

from outputs.heatmap_png import heatmap_png
from outputs.montage import PANEL, write_montage
from tests.fixtures.fake_server import EXPLANATION

RED, BLUE = (255, 0, 0), (0, 0, 255)


def drawn(color, size):
    buffer = BytesIO()
    Image.new("RGB", size, color).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def explanation(size):
    return {**EXPLANATION, "heatmap_png": drawn(RED, size), "overlay_png": drawn(BLUE, size)}


def opened(path):
    with Image.open(path) as picture:
        return picture.convert("RGB")


def ramp_png(size):
    """An X-ray of `size` (width, height) that rises from black to white."""
    ramp = np.linspace(0, 255, size[0] * size[1]).astype(np.uint8).reshape(size[::-1])
    buffer = BytesIO()
    Image.fromarray(ramp).save(buffer, format="PNG")
    return buffer.getvalue()


def test_a_montage_has_xray_map_and_overlay_in_their_own_shape(tmp_path):
    write_montage("x", ramp_png((16, 32)), [explanation((10, 20)), explanation((20, 10))], tmp_path / "montage.png")
    pixels = np.asarray(opened(tmp_path / "montage.png"))
    for color in (RED, BLUE):
        rows, columns = np.nonzero((pixels == color).all(axis=2))
        assert len(rows) == 2 * PANEL * PANEL // 2
        first = rows < rows.min() + PANEL  # the tall one
        assert np.ptp(columns[first]) + 1 == np.ptp(rows[~first]) + 1 == PANEL // 2
        assert np.ptp(rows[first]) + 1 == np.ptp(columns[~first]) + 1 == PANEL


def test_a_montage_of_a_file_that_is_none_of_ours_goes_without_the_xray(tmp_path):
    for name, image in (("with", ramp_png((16, 16))), ("without", b"nothing")):
        write_montage("x", image, [explanation((10, 10))], tmp_path / name)
    wide, narrow = (opened(tmp_path / name) for name in ("with", "without"))
    assert PANEL < wide.width - narrow.width < PANEL + 30
    xray = np.asarray(wide)[14 + 4 * 22 :, 14 : 14 + PANEL][:PANEL]
    assert xray[1].mean() < 30  # dark above, bright below, as it was sent
    assert xray[PANEL - 2].mean() > 220


def test_the_colour_bar_has_the_colours_of_the_map(tmp_path):
    heatmap = np.tile(np.linspace(0, 1, 28, dtype=np.float32), (28, 1))
    answer = {
        **EXPLANATION,
        "heatmap_png": base64.b64encode(heatmap_png(heatmap, heatmap)).decode(),
        "overlay_png": drawn(BLUE, (28, 28)),
    }
    write_montage("x", b"nothing", [answer], tmp_path / "montage.png")
    with Image.open(tmp_path / "montage.png") as montage:
        bar = montage.convert("RGB").crop((0, 14 + 4 * 22 + PANEL + 7, montage.width, 14 + 4 * 22 + PANEL + 7 + 12))
    row = [bar.getpixel((x, 6)) for x in range(bar.width)]
    assert row.index((13, 8, 135)) < row.index((240, 249, 33))  # plasma's ends, dark on the left
