"""Both autoencoders' residual images side by side: what they could not draw."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from model_src.classes import RESEARCH_USE
from outputs.drawing import INK, PAPER, colour, draw_bar, font, png, resize


def residual_png(residuals: np.ndarray, side: int = 384) -> bytes:
    """Both residual images on one scale with its colour bar, as a PNG.

    `residuals` is the TFEN's output (3, S, S) for one image; the first two channels are |X - F_H(X)| and |X
    - F_P(X)|. Bright = the autoencoder could not draw it. The scale ends at the 99.5th percentile of both,
    which is printed.
    """
    top = max(float(np.percentile(residuals[:2], 99.5)), 1e-6)
    letters, line = font(side // 24), side // 16
    canvas = Image.new("RGB", (2 * side + 3 * line, side + 6 * line), PAPER)
    draw = ImageDraw.Draw(canvas)
    titles = ("healthy autoencoder |X - F_H(X)|", "pneumonia autoencoder |X - F_P(X)|")
    for column, title in enumerate(titles):
        left = line + column * (side + line)
        canvas.paste(colour(resize(residuals[column] / top, (side, side))), (left, 2 * line))
        draw.text((left, line // 2), title, fill=INK, font=letters)
    draw_bar(canvas, (line, side + 2 * line + line // 2, 2 * side + 2 * line, side + 3 * line))
    draw.text((line, side + 3 * line + line // 4), "0", fill=INK, font=letters)
    draw.text((2 * side + 2 * line, side + 3 * line + line // 4), f"{top:.3f}", fill=INK, font=letters, anchor="ra")
    note = f"yellow = the autoencoder could not draw it; {RESEARCH_USE}"
    draw.text((line, side + 4 * line + line // 2), note, fill=INK, font=letters)
    return png(canvas)
