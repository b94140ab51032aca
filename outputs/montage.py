"""The montage: explanations below each other in one figure, as the paper's Figure 2: X-ray, map, map over the X-ray."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from model_src.atomic import atomic_write
from model_src.classes import RESEARCH_USE
from model_src.errors import RequestError
from model_src.imaging.formats import read_image
from outputs.colour_map import palette
from outputs.drawing import colour, fitted_size, font, gray, resize, wrap
from outputs.overlay_png import overlay

PANEL = 360  # pixels: the longest side of a panel
_GAP, _LINE, _BAR = 14, 22, 12
_BESIDE = 5 * _LINE  # of a row's height: caption above, colour bar and its meaning below
_SHADES = 256  # of the map's palette
_BACKGROUND, _TEXT, _WARNING = (255, 255, 255), (30, 30, 30), (176, 32, 24)


@dataclass(frozen=True)
class MontageRow:
    """One explanation of a montage."""

    caption: str  # above, in one or two lines
    panels: Sequence[Image.Image]  # RGB, of the montage's panel size; the last two are the map and the overlay
    sign: str  # what a high value of the map means
    colours: Sequence[int] | None = None  # of its colour bar, (r, g, b) from 0 to 1 in a row; None: grays


def map_row(caption: str, pixels: np.ndarray, heatmap: np.ndarray, sign: str, panel: int = PANEL) -> MontageRow:
    """The row of a heat map (h, w) of the X-ray `pixels` (H, W), both float32 in [0, 1]."""
    size = fitted_size((pixels.shape[1], pixels.shape[0]), panel)
    panels = [gray(pixels, size), colour(resize(heatmap, size)), overlay(heatmap, pixels, size)]
    return MontageRow(caption, panels, sign, palette().ravel().tolist())


def draw_montage(
    title: str,
    rows: Sequence[MontageRow],
    beside: Image.Image | None = None,
    panel: int = PANEL,
    warnings: Sequence[str] = (),
    answer: str = "",
) -> Image.Image:
    """All rows, at least one, below each other.

    Below the title stands what the prediction comes to (`answer`), or why there is no answer. Above each row are two
    lines of caption; below its map the colours from 0 to 1, and what 1 means. To the right of all stands `beside`: the
    residuals of both autoencoders, which do not depend on the method. Below all are `warnings`: who is shown the
    picture alone must see them too.
    """
    heights = [max(each.height for each in row.panels) for row in rows]
    left = _GAP + max(len(row.panels) for row in rows) * (panel + _GAP)
    top = _GAP + (3 if answer else 2) * _LINE
    width = left + (beside.width + _GAP if beside else 0)
    foot = max(top + sum(height + _BESIDE for height in heights), top + (beside.height if beside else 0))
    lines = wrap([f"warning: {warning}" for warning in warnings], font(15), width - 2 * _GAP)
    size = (width, foot + (len(lines) + 2) * _LINE)
    canvas = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(canvas)
    draw.text((_GAP, _GAP), title, fill=_TEXT, font_size=20)
    draw.text((_GAP, _GAP + _LINE + 6), answer, fill=_TEXT, font_size=15)
    if beside:
        draw.text((left, top), "what the autoencoders could not draw", fill=_TEXT, font_size=15)
        canvas.paste(beside, (left, top + _LINE))
    for row, height in zip(rows, heights, strict=True):
        draw.multiline_text((_GAP, top), row.caption, fill=_TEXT, font_size=15)
        for column, picture in enumerate(row.panels):
            canvas.paste(picture, (_GAP + column * (panel + _GAP), top + 2 * _LINE))
        corner = (_GAP + (len(row.panels) - 2) * (panel + _GAP), top + 2 * _LINE + height + _GAP // 2)
        _draw_scale(canvas, draw, row, corner, 2 * panel + _GAP)
        top += height + _BESIDE
    for number, line in enumerate(lines):
        draw.text((_GAP, foot + number * _LINE), line, fill=_WARNING, font_size=15)
    draw.text((_GAP, canvas.height - _LINE - _GAP // 2), RESEARCH_USE, fill=_TEXT, font_size=15)
    return canvas


def write_montage(
    title: str, image: bytes, explanations: Sequence[Mapping[str, Any]], path: Path, answer: str = ""
) -> None:
    """Write `explanations`, at least one, as a server sends them, all of the image file `image`, as one PNG.

    A row's caption says the method, the class explained, its probability before and after, and the scores. A file that
    cannot be read here goes without its own column: the overlays show it too.
    """
    xray = _xray(image)
    rows = [
        MontageRow(
            _caption(each),
            [*([xray] if xray else []), *_map_and_overlay(each)],
            str(each["sign"]),
            Image.open(io.BytesIO(base64.b64decode(each["heatmap_png"]))).getpalette(),  # its indices are its values
        )
        for each in explanations
    ]
    warnings = dict.fromkeys(text for each in explanations for text in each["warnings"] if text != RESEARCH_USE)
    beside = _picture(explanations[0], "residual_png")
    canvas = draw_montage(title, rows, beside, warnings=list(warnings), answer=answer)
    with atomic_write(path) as temporary:
        canvas.save(temporary, format="PNG")


def _draw_scale(
    canvas: Image.Image, draw: ImageDraw.ImageDraw, row: MontageRow, corner: tuple[int, int], width: int
) -> None:
    """The colours of the row's map from 0 to 1 at `corner`, as wide as map and overlay, and what 1 means."""
    (left, top), width = corner, width - 4 * _GAP
    shades = Image.frombytes("L", (_SHADES, 1), bytes(range(_SHADES)))
    if row.colours:
        shades.putpalette(row.colours)
    canvas.paste(shades.convert("RGB").resize((width, _BAR)), (left + 2 * _GAP, top))
    middle = top + _BAR // 2
    draw.text((left + _GAP, middle), "0", fill=_TEXT, font_size=15, anchor="mm")
    draw.text((left + width + 3 * _GAP, middle), "1", fill=_TEXT, font_size=15, anchor="mm")
    draw.text((left + 2 * _GAP, top + _BAR + 4), row.sign, fill=_TEXT, font_size=15)


def _map_and_overlay(explanation: Mapping[str, Any]) -> list[Image.Image]:
    """Both pictures of an explanation, each fitted into a panel."""
    found = (_picture(explanation, field) for field in ("heatmap_png", "overlay_png"))
    return [_fitted(picture) for picture in found if picture]


def _xray(data: bytes) -> Image.Image | None:
    """The X-ray as the server sees it, upright and bright where dense, fitted into a panel; None: unreadable here."""
    try:
        pixels = read_image(data).pixels
    except RequestError:
        return None
    return _fitted(Image.fromarray((pixels * 255 + 0.5).astype("uint8")))


def _picture(explanation: Mapping[str, Any], field: str) -> Image.Image | None:
    """A picture of an explanation; None where a server sends none of that name."""
    if field not in explanation:
        return None
    return Image.open(io.BytesIO(base64.b64decode(explanation[field]))).convert("RGB")


def _fitted(picture: Image.Image) -> Image.Image:
    """The picture with its longest side as long as a panel, RGB."""
    return picture.convert("RGB").resize(fitted_size(picture.size, PANEL), Image.Resampling.LANCZOS)


def _caption(explanation: Mapping[str, Any]) -> str:
    """One explanation in two lines."""
    probability, score = explanation["target_probability"], explanation["faithfulness"]
    return (
        f"{str(explanation['method']).replace('_', ' ')}: why {explanation['target']}?   "
        f"P {probability['original']:.3f}, perturbed {probability['perturbed']:.3f}\n"
        f"deletion {score['deletion']:.3f} (low is good), insertion {score['insertion']:.3f} (high is good)"
    )
