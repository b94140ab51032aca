"""The heat map alone, as a PNG whose numbers can be read back."""

from __future__ import annotations

import numpy as np
from PIL import Image

from outputs.colour_map import palette
from outputs.drawing import picture_size, png, resize, to_bytes


def heatmap_png(heatmap: np.ndarray, pixels: np.ndarray) -> bytes:
    """The map (h, w) at the X-ray's size (longest side at most 1024), smooth, as a PNG with a palette.

    The palette index of a pixel is round(255 x value), so the file holds the numbers as well as the colours.
    """
    image = Image.fromarray(to_bytes(resize(heatmap, picture_size(pixels))), mode="P")
    image.putpalette(palette().tobytes())
    return png(image)
