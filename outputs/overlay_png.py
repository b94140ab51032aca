"""The heat map in colour over the X-ray, with its colour bar: what `image/png` gives for an explanation."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from inference.results import Explanation
from model_src.classes import RESEARCH_USE
from outputs.drawing import PAPER, colour, draw_bar, font, gray, picture_size, png, resize, to_bytes, wrap

_FAINT, _FULL, _OPACITY = 0.10, 0.55, 0.65  # the overlay is invisible below, and at its strongest above


def render_explanation(explanation: Explanation, pixels: np.ndarray) -> bytes:
    """The overlay of an explanation over its X-ray `pixels` (H, W)."""
    return overlay_png(explanation.heatmap, pixels, explanation.sign)


def overlay_png(heatmap: np.ndarray, pixels: np.ndarray, sign: str = "") -> bytes:
    """The map over the X-ray, transparent where nothing matters, RGB, at the X-ray's size (longest side at most 1024).

    A strip at the lower edge holds the colour bar (0 to 1), what 1 means (`sign`), and the research-use line;
    pictures too small for legible text go without.
    """
    image = overlay(heatmap, pixels, picture_size(pixels))
    _draw_legend(image, sign)
    return png(image)


def overlay(heatmap: np.ndarray, pixels: np.ndarray, size: tuple[int, int], opacity: float = _OPACITY) -> Image.Image:
    """X-ray in gray with the map's colours on top, at `size` (width, height); `opacity` where the map is strongest."""
    drawn = resize(heatmap, size)
    ramp = np.clip((drawn - _FAINT) / (_FULL - _FAINT), 0, 1)
    alpha = opacity * ramp**2 * (3 - 2 * ramp)
    return Image.composite(colour(drawn), gray(pixels, size), Image.fromarray(to_bytes(alpha), mode="L"))


def _draw_legend(image: Image.Image, sign: str) -> None:
    """Colour bar and text on a dark strip at the lower edge of `image`, if there is room for them."""
    width, height = image.size
    size = max(9, round(0.022 * min(width, height)))
    for texts in ((sign, RESEARCH_USE), (RESEARCH_USE,)):  # on a small image the sign is left to the JSON
        lines = wrap([text for text in texts if text], font(size), width - 2 * size)
        strip = round(size * (1.4 * len(lines) + 2.4))
        if strip <= height // 4:
            break
    else:
        return
    if width < 12 * size:
        return
    dark = Image.new("RGB", (width, strip), (0, 0, 0))
    top = height - strip
    image.paste(Image.blend(image.crop((0, top, width, height)), dark, 0.65), (0, top))
    draw, letters = ImageDraw.Draw(image), font(size)
    middle = top + size
    draw.text((size, middle), "0", fill=PAPER, font=letters, anchor="lm")
    draw.text((width - size, middle), "1", fill=PAPER, font=letters, anchor="rm")
    draw_bar(image, (2 * size, middle - size // 3, width - 2 * size, middle + size // 3))
    for number, text in enumerate(lines):
        draw.text((size, top + size * (1.9 + 1.4 * number)), text, fill=PAPER, font=letters)
