"""Explanations of one X-ray in one figure, like the paper's Figure 2: X-ray, map, and map over the X-ray."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from model_src.atomic import atomic_write
from model_src.classes import RESEARCH_USE
from model_src.errors import RequestError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

PANEL = 360  # pixels: the longest side of a panel
_GAP, _LINE, _BAR = 14, 22, 12
_BESIDE = 5 * _LINE  # of a row's height: caption above, colour bar and its meaning below
_SHADES = 256  # of the map's palette
_BACKGROUND, _TEXT = (255, 255, 255), (30, 30, 30)


def write_montage(title: str, image: bytes, answers: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write `answers`, at least one, all about the image file `image`, below each other as one PNG.

    Each has a row: the X-ray, the map, the map over the X-ray; above them the method, the class explained, its
    probability before and after, the scores; below them the map's colours from 0 to 1, and what 1 means. The residuals
    of both autoencoders, which do not depend on the method, stand to the right. A file that cannot be read here goes
    without its own column: the overlays show it too.
    """
    from PIL import Image

    xray = _xray(image)
    residual = _picture(answers[0], "residual_png")
    rows = [[*([xray] if xray else []), *_map_and_overlay(answer)] for answer in answers]
    heights = [max(panel.height for panel in row) for row in rows]
    left = _GAP + len(rows[0]) * (PANEL + _GAP)
    top = _GAP + 2 * _LINE
    size = (
        left + (residual.width + _GAP if residual else 0),
        max(top + sum(height + _BESIDE for height in heights), top + (residual.height if residual else 0)) + 2 * _LINE,
    )
    canvas = Image.new("RGB", size, _BACKGROUND)
    draw = _drawing(canvas)
    draw.text((_GAP, _GAP), title, fill=_TEXT, font_size=20)
    if residual:
        draw.text((left, top), "what the autoencoders could not draw", fill=_TEXT, font_size=15)
        canvas.paste(residual, (left, top + _LINE))
    for answer, row, height in zip(answers, rows, heights, strict=True):
        draw.multiline_text((_GAP, top), _caption(answer), fill=_TEXT, font_size=15)
        for column, panel in enumerate(row):
            canvas.paste(panel, (_GAP + column * (PANEL + _GAP), top + 2 * _LINE))
        _draw_scale(canvas, draw, answer, _GAP + (len(row) - 2) * (PANEL + _GAP), top + 2 * _LINE + height + _GAP // 2)
        top += height + _BESIDE
    draw.text((_GAP, canvas.height - _LINE - _GAP // 2), RESEARCH_USE, fill=_TEXT, font_size=15)
    with atomic_write(path) as temporary:
        canvas.save(temporary, format="PNG")


def _map_and_overlay(answer: Mapping[str, Any]) -> list[Image]:
    """The answer's two pictures, each fitted into a panel."""
    return [_fitted(found) for found in (_picture(answer, "heatmap_png"), _picture(answer, "overlay_png")) if found]


def _draw_scale(canvas: Image, draw: ImageDraw, answer: Mapping[str, Any], left: int, top: int) -> None:
    """The colours of the answer's map from 0 to 1, as wide as map and overlay, and what 1 means."""
    from PIL import Image

    width = 2 * PANEL + _GAP - 4 * _GAP
    shades = Image.frombytes("L", (_SHADES, 1), bytes(range(_SHADES)))
    palette = Image.open(io.BytesIO(base64.b64decode(answer["heatmap_png"]))).getpalette()
    if palette:  # the map is a palette picture whose indices are its values
        shades.putpalette(palette)
    canvas.paste(shades.convert("RGB").resize((width, _BAR)), (left + 2 * _GAP, top))
    middle = top + _BAR // 2
    draw.text((left + _GAP, middle), "0", fill=_TEXT, font_size=15, anchor="mm")
    draw.text((left + width + 3 * _GAP, middle), "1", fill=_TEXT, font_size=15, anchor="mm")
    draw.text((left + 2 * _GAP, top + _BAR + 4), str(answer["sign"]), fill=_TEXT, font_size=15)


def _xray(data: bytes) -> Image | None:
    """The X-ray as the server sees it, upright and bright where dense, fitted into a panel; None: unreadable here."""
    from PIL import Image

    from model_src.imaging.formats import read_image

    try:
        pixels = read_image(data).pixels
    except RequestError:
        return None
    return _fitted(Image.fromarray((pixels * 255 + 0.5).astype("uint8")))


def _picture(answer: Mapping[str, Any], field: str) -> Image | None:
    """A picture of the answer; None where a server sends none of that name."""
    from PIL import Image

    return Image.open(io.BytesIO(base64.b64decode(answer[field]))).convert("RGB") if field in answer else None


def _fitted(picture: Image) -> Image:
    """The picture with its longest side as long as a panel, RGB."""
    from PIL import Image

    scale = PANEL / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _drawing(canvas: Image) -> ImageDraw:
    from PIL import ImageDraw

    return ImageDraw.Draw(canvas)


def _caption(answer: Mapping[str, Any]) -> str:
    """One explanation in two lines."""
    probability, score = answer["target_probability"], answer["faithfulness"]
    return (
        f"{str(answer['method']).replace('_', ' ')}: why {answer['target']}?   "
        f"P {probability['original']:.3f}, perturbed {probability['perturbed']:.3f}\n"
        f"deletion {score['deletion']:.3f} (low is good), insertion {score['insertion']:.3f} (high is good)"
    )
