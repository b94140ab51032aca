"""Several explanations of one X-ray side by side in one picture."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from model_src.atomic import atomic_write
from model_src.classes import RESEARCH_USE

PANEL = 420  # pixels: width of a panel
_MARGIN, _LINE = 12, 18
_BACKGROUND, _TEXT = (255, 255, 255), (30, 30, 30)


def write_montage(title: str, answers: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write the overlays of `answers` (of one image, by different methods) beside each other as a PNG.

    Under each: method, target, its probability before and after, deletion and insertion area.
    """
    from PIL import Image, ImageDraw, ImageFont

    panels = []
    for answer in answers:
        overlay = Image.open(io.BytesIO(base64.b64decode(answer["overlay_png"]))).convert("RGB")
        panels.append(overlay.resize((PANEL, round(overlay.height * PANEL / overlay.width)), Image.Resampling.LANCZOS))
    height = max(panel.height for panel in panels)
    top = _MARGIN + 2 * _LINE
    canvas = Image.new(
        "RGB",
        (_MARGIN + len(panels) * (PANEL + _MARGIN), top + height + 4 * _LINE),
        _BACKGROUND,
    )
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=14)
    draw.text((_MARGIN, _MARGIN), f"{title}   ({RESEARCH_USE})", fill=_TEXT, font=font)
    for index, (panel, answer) in enumerate(zip(panels, answers, strict=True)):
        left = _MARGIN + index * (PANEL + _MARGIN)
        canvas.paste(panel, (left, top))
        for row, line in enumerate(_caption(answer)):
            draw.text((left, top + height + 4 + row * _LINE), line, fill=_TEXT, font=font)
    with atomic_write(path) as temporary:
        canvas.save(temporary, format="PNG")


def _caption(answer: Mapping[str, Any]) -> list[str]:
    """Three short lines about one explanation."""
    probability, score = answer["target_probability"], answer["faithfulness"]
    return [
        str(answer["method"]).replace("_", " "),
        f"P({answer['target']}) {probability['original']:.3f}, perturbed {probability['perturbed']:.3f}",
        f"deletion {score['deletion']:.3f} (low is good), insertion {score['insertion']:.3f} (high)",
    ]
