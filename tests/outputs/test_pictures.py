"""Pictures of explanations: sizes, exact values, transparency, legible legends."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from outputs.drawing import at_picture_size
from outputs.heatmap_png import heatmap_png
from outputs.overlay_png import overlay_png
from outputs.residual_png import residual_png


@pytest.fixture
def ramp():
    """A map that rises from left (0) to right (1)."""
    return np.tile(np.linspace(0, 1, 28, dtype=np.float32), (28, 1))


@pytest.mark.parametrize(
    ("shape", "size"),
    [
        ((300, 200), (200, 300)),
        ((1024, 1024), (1024, 1024)),
        ((4096, 2048), (512, 1024)),
        ((1, 3), (3, 1)),
        ((3000, 2), (1, 1024)),
    ],
)
def test_pictures_have_the_xrays_size_up_to_1024(ramp, shape, size):
    pixels = np.full(shape, 0.5, dtype=np.float32)
    for picture in (heatmap_png(ramp, pixels), overlay_png(ramp, pixels, "a sign")):
        image = _open(picture)
        assert image.format == "PNG"
        assert image.size == size


@pytest.mark.parametrize("shape", [(300, 200), (1500, 1100), (3000, 2)])
def test_an_xray_at_picture_size_gives_the_same_pictures(ramp, shape):
    pixels = np.random.default_rng(1).random(shape, dtype=np.float32)
    small = at_picture_size(pixels)
    assert max(small.shape) <= 1024
    assert overlay_png(ramp, small, "a sign") == overlay_png(ramp, pixels, "a sign")
    assert heatmap_png(ramp, small) == heatmap_png(ramp, pixels)


def test_the_heat_maps_palette_indices_are_its_values():
    values = np.array([[0, 0.25], [0.5, 1]], dtype=np.float32)
    image = _open(heatmap_png(values, np.zeros((2, 2), dtype=np.float32)))
    assert image.mode == "P"
    assert np.asarray(image).tolist() == [[0, 64], [128, 255]]
    low, high = image.convert("RGB").getpixel((0, 0)), image.convert("RGB").getpixel((1, 1))
    assert low == (13, 8, 135)  # plasma's dark blue
    assert high == (240, 249, 33)  # and its yellow


def test_the_palette_grows_brighter_with_the_value(ramp):
    shades = np.asarray(_open(heatmap_png(ramp, np.zeros((28, 256), dtype=np.float32))).convert("L"))[0].astype(int)
    assert (np.diff(shades) >= -1).all()
    assert shades[-1] - shades[0] > 150


def test_the_overlay_is_the_xray_where_nothing_matters():
    pixels = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    heatmap = np.zeros((8, 8), dtype=np.float32)
    heatmap[:, 6:] = 1
    image = np.asarray(_open(overlay_png(heatmap, pixels)).convert("RGB")).astype(int)
    gray = (pixels * 255 + 0.5).astype(int)
    left, right = image[:40, :32], image[:40, 58:]
    assert np.array_equal(left, np.repeat(gray[:40, :32, None], 3, axis=2))
    assert (right[..., 0] > right[..., 2] + 40).all()  # yellow: red well above blue


def test_the_legend_covers_the_lower_edge_only(ramp):
    dark = np.zeros((512, 512), dtype=np.float32)
    nothing = np.zeros((8, 8), dtype=np.float32)
    with_text = np.asarray(_open(overlay_png(nothing, dark, "1 = removed first")))
    assert not with_text[:440].any()
    bar = with_text[440:].reshape(-1, 3)
    assert (bar > 150).all(axis=1).sum() > 100  # text
    assert (bar[:, 0].astype(int) - bar[:, 2] > 150).any()  # the yellow end of the bar


def test_a_small_picture_keeps_the_bar_and_leaves_the_sign_out():
    sign = "1 = this part of the picture was removed first, " * 5
    picture = overlay_png(np.zeros((8, 8), dtype=np.float32), np.zeros((224, 224), dtype=np.float32), sign)
    shown = np.asarray(_open(picture)).astype(int)
    assert not shown[:168].any()
    assert (shown[168:, :, 0] - shown[168:, :, 2] > 150).any()  # the yellow end of the bar


def test_a_tiny_picture_has_no_legend():
    assert not np.asarray(_open(overlay_png(np.zeros((4, 4)), np.zeros((24, 24), dtype=np.float32), "a sign"))).any()


def test_residuals_share_one_scale():
    residuals = np.zeros((3, 64, 64), dtype=np.float32)
    residuals[0, :32] = 0.2
    residuals[1, :32] = 0.1
    image = np.asarray(_open(residual_png(residuals, side=192)).convert("L")).astype(int)
    healthy, pneumonia = image[24 + 40, 12 + 96], image[24 + 40, 12 + 192 + 12 + 96]
    nothing = image[24 + 150, 12 + 96]
    assert healthy > pneumonia > nothing


def test_pictures_of_the_same_map_are_the_same_bytes(ramp):
    pixels = np.full((64, 64), 0.3, dtype=np.float32)
    assert overlay_png(ramp, pixels, "s") == overlay_png(ramp, pixels, "s")


def _open(picture: bytes) -> Image.Image:
    return Image.open(io.BytesIO(picture))
