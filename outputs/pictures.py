"""Pictures of explanations: heat map, overlay, residual images, and a montage like the paper's Figure 2.

Pillow and NumPy only, so that a worker starts fast. X-rays come as `Xray.pixels`, float32 (H, W) in [0, 1],
bright = dense; maps as float32 (h, w) in [0, 1], 1 = matters most. Every picture is 8-bit PNG bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from model_src.classes import RESEARCH_USE

LONGEST_SIDE = 1024
# Matplotlib's perceptually uniform "plasma" at eleven even steps; straight lines between them stay within
# 6/255.
_PLASMA = "0d0887 41049d 6a00a8 8f0da4 b12a90 cc4778 e16462 f2844b fca636 fcce25 f0f921"
_FAINT, _FULL, _OPACITY = 0.10, 0.55, 0.65  # the overlay is invisible below, and at its strongest above
_INK, _PAPER = (20, 20, 20), (255, 255, 255)


def at_picture_size(pixels: np.ndarray) -> np.ndarray:
    """The X-ray with its longest side at most 1024, in 4 MB at most; the pictures below are the same for it."""
    return _resize(pixels, _picture_size(pixels))


def heatmap_png(heatmap: np.ndarray, pixels: np.ndarray) -> bytes:
    """The map at the X-ray's size (longest side at most 1024), smooth, as a PNG with a palette.

    The palette index of a pixel is round(255 x value), so the file holds the numbers as well as the colours.
    """
    drawn = _resize(heatmap, _picture_size(pixels))
    image = Image.fromarray(_to_bytes(drawn), mode="P")
    image.putpalette(_palette().tobytes())
    return _png(image)


def overlay_png(heatmap: np.ndarray, pixels: np.ndarray, sign: str = "") -> bytes:
    """The map in colour over the X-ray, transparent where nothing matters, RGB, at the X-ray's size as above.

    A strip at the lower edge holds the colour bar (0 to 1), what 1 means (`sign`), and the research-use line;
    pictures too small for legible text go without.
    """
    image = _blend(heatmap, pixels, _picture_size(pixels))
    _draw_legend(image, sign)
    return _png(image)


def residuals_png(residuals: np.ndarray, side: int = 384) -> bytes:
    """Both autoencoders' residual images side by side, on one scale with its colour bar.

    `residuals` is the TFEN's output (3, S, S) for one image; the first two channels are |X - F_H(X)| and |X
    - F_P(X)|. Bright = the autoencoder could not draw it. The scale ends at the 99.5th percentile of both,
    which is printed.
    """
    top = max(float(np.percentile(residuals[:2], 99.5)), 1e-6)
    font, line = _font(side // 24), side // 16
    canvas = Image.new("RGB", (2 * side + 3 * line, side + 6 * line), _PAPER)
    draw = ImageDraw.Draw(canvas)
    titles = ("healthy autoencoder |X - F_H(X)|", "pneumonia autoencoder |X - F_P(X)|")
    for column, title in enumerate(titles):
        left = line + column * (side + line)
        canvas.paste(_colour(_resize(residuals[column] / top, (side, side))), (left, 2 * line))
        draw.text((left, line // 2), title, fill=_INK, font=font)
    _draw_bar(canvas, (line, side + 2 * line + line // 2, 2 * side + 2 * line, side + 3 * line))
    draw.text((line, side + 3 * line + line // 4), "0", fill=_INK, font=font)
    draw.text((2 * side + 2 * line, side + 3 * line + line // 4), f"{top:.3f}", fill=_INK, font=font, anchor="ra")
    note = f"yellow = the autoencoder could not draw it; {RESEARCH_USE}"
    draw.text((line, side + 4 * line + line // 2), note, fill=_INK, font=font)
    return _png(canvas)


@dataclass(frozen=True)
class MontageRow:
    """One X-ray of a montage with its maps."""

    label: str  # printed above the X-ray; lines are separated by newlines
    pixels: np.ndarray
    maps: Mapping[str, np.ndarray]  # heading -> heat map


def montage_png(rows: Sequence[MontageRow], sign: str = "", side: int = 256) -> bytes:
    """A figure like the paper's Figure 2: per row the X-ray, then each map and its overlay, and one colour bar.

    Every X-ray is fitted into `side` x `side` pixels, keeping its shape. At least one row is needed.
    """
    gap, line = side // 16, side // 12
    columns = 1 + 2 * max(len(row.maps) for row in rows)
    label_height = line * (1 + max(row.label.count("\n") + 1 for row in rows))
    width = columns * (side + gap) + gap
    canvas = Image.new("RGB", (width, len(rows) * (side + label_height) + 4 * line + gap), _PAPER)
    draw = ImageDraw.Draw(canvas)
    font = _font(side // 18)
    for number, row in enumerate(rows):
        top = gap + number * (side + label_height)
        draw.multiline_text((gap, top), row.label, fill=_INK, font=font, spacing=2)
        size = _fit(row.pixels, side)
        panels = [("", _gray(row.pixels, size))]
        for heading, heatmap in row.maps.items():
            panels.append((heading, _colour(_resize(heatmap, size))))
            panels.append(("over the X-ray", _blend(heatmap, row.pixels, size)))
        for column, (heading, panel) in enumerate(panels):
            left = gap + column * (side + gap)
            corner = (left + (side - size[0]) // 2, top + label_height + (side - size[1]) // 2 - gap // 2)
            draw.text((left, top + label_height - gap), heading, fill=_INK, font=font, anchor="lb")
            canvas.paste(panel, corner)
    foot = canvas.height - 3 * line - gap // 2
    _draw_bar(canvas, (gap, foot, width - gap, foot + line // 2))
    draw.text((gap, foot + line * 3 // 4), "0", fill=_INK, font=font)
    draw.text((width - gap, foot + line * 3 // 4), "1", fill=_INK, font=font, anchor="ra")
    draw.text((gap, foot + line * 2), "; ".join(filter(None, (sign, RESEARCH_USE))), fill=_INK, font=font)
    return _png(canvas)


def _draw_legend(image: Image.Image, sign: str) -> None:
    """Colour bar and text on a dark strip at the lower edge of `image`, if there is room for them."""
    width, height = image.size
    size = max(9, round(0.022 * min(width, height)))
    for texts in ((sign, RESEARCH_USE), (RESEARCH_USE,)):  # on a small image the sign is left to the JSON
        lines = _wrap([text for text in texts if text], _font(size), width - 2 * size)
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
    draw, font = ImageDraw.Draw(image), _font(size)
    middle = top + size
    draw.text((size, middle), "0", fill=_PAPER, font=font, anchor="lm")
    draw.text((width - size, middle), "1", fill=_PAPER, font=font, anchor="rm")
    _draw_bar(image, (2 * size, middle - size // 3, width - 2 * size, middle + size // 3))
    for number, text in enumerate(lines):
        draw.text((size, top + size * (1.9 + 1.4 * number)), text, fill=_PAPER, font=font)


def _wrap(texts: Sequence[str], font: ImageFont.ImageFont | ImageFont.FreeTypeFont, width: int) -> list[str]:
    """Break texts at spaces into lines no wider than `width` pixels (a single word may be wider)."""
    lines = []
    for text in texts:
        words = text.split()
        line = words[0]
        for word in words[1:]:
            if font.getlength(f"{line} {word}") <= width:
                line = f"{line} {word}"
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return lines


def _draw_bar(image: Image.Image, box: tuple[int, int, int, int]) -> None:
    """The colour map from 0 (left) to 1 (right)."""
    left, top, right, bottom = box
    ramp = np.tile(np.linspace(0, 1, max(1, right - left), dtype=np.float32), (max(1, bottom - top), 1))
    image.paste(_colour(ramp), (left, top))


def _blend(heatmap: np.ndarray, pixels: np.ndarray, size: tuple[int, int]) -> Image.Image:
    """X-ray in gray with the map's colours on top, at `size` (width, height)."""
    drawn = _resize(heatmap, size)
    ramp = np.clip((drawn - _FAINT) / (_FULL - _FAINT), 0, 1)
    alpha = _OPACITY * ramp**2 * (3 - 2 * ramp)
    return Image.composite(_colour(drawn), _gray(pixels, size), Image.fromarray(_to_bytes(alpha), mode="L"))


def _gray(pixels: np.ndarray, size: tuple[int, int]) -> Image.Image:
    return Image.fromarray(_to_bytes(_resize(pixels, size)), mode="L").convert("RGB")


def _colour(values: np.ndarray) -> Image.Image:
    """Values (h, w) in [0, 1] -> RGB by the colour map."""
    return Image.fromarray(_palette()[_to_bytes(values)], mode="RGB")


def _palette() -> np.ndarray:
    """The colour map as uint8 (256, 3)."""
    anchors = np.array([list(bytes.fromhex(colour)) for colour in _PLASMA.split()], dtype=np.float64)
    at = np.linspace(0, 1, len(anchors))
    wanted = np.linspace(0, 1, 256)
    return np.stack([np.interp(wanted, at, channel) for channel in anchors.T], axis=1).round().astype(np.uint8)


def _picture_size(pixels: np.ndarray) -> tuple[int, int]:
    """(width, height) of the X-ray, shrunk so that the longest side is at most 1024."""
    height, width = pixels.shape
    return (width, height) if max(height, width) <= LONGEST_SIDE else _fit(pixels, LONGEST_SIDE)


def _fit(pixels: np.ndarray, side: int) -> tuple[int, int]:
    """(width, height) with the longest side `side`, keeping the shape."""
    height, width = pixels.shape
    scale = side / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resize(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(h, w) float -> `size` (width, height), bicubic, clipped to [0, 1]."""
    image = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32), mode="F")
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return np.clip(np.asarray(image), 0, 1)


def _to_bytes(values: np.ndarray) -> np.ndarray:
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def _font(size: int) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(size=max(9, size))


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", compress_level=6)
    return buffer.getvalue()
