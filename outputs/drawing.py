"""What the pictures are drawn with: sizes, grays, colours, text, PNG bytes. Pillow and NumPy only.

X-rays come as `Xray.pixels`, float32 (H, W) in [0, 1], bright = dense; maps as float32 (h, w) in [0, 1], 1 = matters
most. Sizes are (width, height) in pixels.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageFont

from outputs.colour_map import palette

LONGEST_SIDE = 1024
INK, PAPER = (20, 20, 20), (255, 255, 255)


def at_picture_size(pixels: np.ndarray) -> np.ndarray:
    """The X-ray with its longest side at most 1024, in 4 MB at most; every picture is the same for it."""
    return resize(pixels, picture_size(pixels))


def picture_size(pixels: np.ndarray) -> tuple[int, int]:
    """That of the X-ray, shrunk so that the longest side is at most 1024."""
    height, width = pixels.shape
    return (width, height) if max(height, width) <= LONGEST_SIDE else fitted_size((width, height), LONGEST_SIDE)


def fitted_size(size: tuple[int, int], side: int) -> tuple[int, int]:
    """The size with its longest side `side`, keeping the shape."""
    scale = side / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resize(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) float -> `size`, bicubic, clipped to [0, 1]."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32), mode="F")
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image), 0, 1)


def to_bytes(values: np.ndarray) -> np.ndarray:
    """[0, 1] -> uint8."""
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def gray(pixels: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """The X-ray as RGB at `size`."""
    return Image.fromarray(to_bytes(resize(pixels, size)), mode="L").convert("RGB")


def colour(values: np.ndarray) -> Image.Image:
    """Values (h, w) in [0, 1] -> RGB by the colour map."""
    return Image.fromarray(palette()[to_bytes(values)], mode="RGB")


def draw_bar(image: Image.Image, box: tuple[int, int, int, int]) -> None:
    """The colour map from 0 (left) to 1 (right) in a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    ramp = np.tile(np.linspace(0, 1, max(1, right - left), dtype=np.float32), (max(1, bottom - top), 1))
    image.paste(colour(ramp), (left, top))


def font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """Pillow's own font, at least 9 pixels high."""
    return ImageFont.load_default(size=max(9, size))


def png(image: Image.Image) -> bytes:
    """The file."""
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()


def wrap(texts: Sequence[str], letters: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break texts at spaces into lines no wider than `width` pixels (a single word may be wider)."""
    lines = []
    for text in texts:
        words = text.split()
        line = words[0]
        for word in words[1:]:
            if letters.getlength(f"{line} {word}") <= width:
                line = f"{line} {word}"
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return lines
