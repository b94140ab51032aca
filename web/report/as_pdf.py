"""A report as PDF, A4, by reportlab: each film on pages of its own, the notice on every page."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import reportlab
from PIL import Image as Pillow
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, Image, KeepTogether, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table

from model_src.classes import RESEARCH_USE
from web.report.cases import Case, Map, Report
from web.report.words import (
    answer_lines,
    film_line,
    heading,
    map_lines,
    map_title,
    model_line,
    probabilities,
    verdict_line,
)

MEDIA_TYPE = "application/pdf"

_MARGIN = 18 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_TALLEST = 110 * mm  # of a picture
_GAP = 5 * mm
_QUALITY = 92  # of JPEG: a report of 20 films stays below 20 MB
_BAR = 40 * mm

# Comes with reportlab: Latin letters, written into the file, so that it looks the same everywhere.
_FONTS = Path(reportlab.__file__).parent / "fonts"
_FONT, _BOLD = "CoroNet", "CoroNet-Bold"


def _style(name: str, size: float, font: str = _FONT, colour: str = "#1f2933", after: float = 3) -> ParagraphStyle:
    return ParagraphStyle(
        name, fontName=font, fontSize=size, leading=1.35 * size, spaceAfter=after, textColor=colors.HexColor(colour)
    )


_TITLE, _HEADING = _style("title", 17, _BOLD), _style("heading", 13, _BOLD)
_ANSWER, _TEXT = _style("answer", 11, _BOLD), _style("text", 9.5)
_SMALL, _NOTICE = _style("small", 8, colour="#52606d"), _style("notice", 9.5, _BOLD, "#92400e", after=6)


def as_pdf(report: Report) -> bytes:
    """The file. It holds no date, author or producer beside what the page shows: equal reports are equal files."""
    for name, file in ((_FONT, "Vera.ttf"), (_BOLD, "VeraBd.ttf")):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, _FONTS / file))
    stream = io.BytesIO()
    count = f"{len(report.cases)} film{'s' if len(report.cases) > 1 else ''}"
    document = SimpleDocTemplate(
        stream,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=_MARGIN,
        title=f"CoroNet: {count}",
        author="",
        subject=RESEARCH_USE,
        lang="en",
        invariant=1,
    )
    story: list[Flowable] = [
        _paragraph(f"CoroNet: {count}", _TITLE),
        _paragraph(f"{RESEARCH_USE.capitalize()}.", _NOTICE),
        _paragraph(f"Made {report.made} by {model_line(report.model)}.", _SMALL),
    ]
    for number, case in enumerate(report.cases):
        if number:
            story.append(PageBreak())
        story += _case(case)
    document.build(story, onFirstPage=_footer, onLaterPages=_footer)
    return stream.getvalue()


def _footer(canvas: Any, document: Any) -> None:
    canvas.saveState()
    canvas.setFont(_FONT, 8)
    canvas.setFillColor(colors.HexColor("#52606d"))
    canvas.drawString(_MARGIN, 10 * mm, f"CoroNet: {RESEARCH_USE}")
    canvas.drawRightString(A4[0] - _MARGIN, 10 * mm, f"page {document.page}")
    canvas.restoreState()


def _case(case: Case) -> list[Flowable]:
    warnings = [line for line in case.warnings if line != RESEARCH_USE]
    story: list[Flowable] = [
        Spacer(0, 3 * mm),
        _paragraph(heading(case), _HEADING),
        _paragraph(film_line(case), _SMALL),
        _paragraph(" ".join(answer_lines(case)), _ANSWER),
        _paragraph(verdict_line(case), _TEXT),
        _bars(case),
        *(_paragraph(f"Warning: {line}", _TEXT) for line in warnings),
        Spacer(0, 2 * mm),
    ]
    pictures = [_picture(case.film_png, ["The film, as the reader saw it."])]
    for shown in case.explanations:
        pictures += _map(shown)
    for start in range(0, len(pictures), 2):
        row = pictures[start : start + 2]
        table = Table([[*row, *[""] * (2 - len(row))]], colWidths=[_WIDTH / 2] * 2, hAlign="LEFT")
        table.setStyle([("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0)])
        story.append(KeepTogether(table))
    return story


def _bars(case: Case) -> Flowable:
    """The probabilities as numbers and bars."""
    rows = []
    for name, value in probabilities(case):
        filled = Table(
            [["", ""]], colWidths=[max(0.1, _BAR * value), max(0.1, _BAR * (1 - value))], rowHeights=[2.5 * mm]
        )
        filled.setStyle(
            [
                ("BACKGROUND", (0, 0), (0, 0), colors.HexColor("#0072b2")),
                ("BACKGROUND", (1, 0), (1, 0), colors.HexColor("#e4e7eb")),
            ]
        )
        rows.append([_paragraph(name, _TEXT), _paragraph(f"{value:.3f}", _TEXT), filled])
    table = Table(rows, colWidths=[50 * mm, 18 * mm, _BAR + 2 * mm], hAlign="LEFT")
    table.setStyle(
        [
            ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
            ("LEFTPADDING", (0, 0), (-1, -1), 0),
            ("TOPPADDING", (0, 0), (-1, -1), 0),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 0),
        ]
    )
    return table


def _map(shown: Map) -> list[list[Flowable]]:
    pictures = [_picture(shown.overlay_png, [f"{map_title(shown)}.", *map_lines(shown)])]
    if shown.residual_png is not None:
        pictures.append(_picture(shown.residual_png, ["What both autoencoders could not draw."]))
    return pictures


def _picture(png: bytes, lines: Iterable[str]) -> list[Flowable]:
    """A picture at most half a page wide, its words below."""
    with Pillow.open(io.BytesIO(png), formats=("PNG",)) as opened:
        gray = opened.mode in ("L", "1", "I;16")
        image = opened.convert("L" if gray else "RGB")
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY, subsampling=0)
    scale = min((_WIDTH / 2 - _GAP) / image.width, _TALLEST / image.height)
    shown = Image(stream, image.width * scale, image.height * scale, hAlign="LEFT")
    return [shown, Spacer(0, 1.5 * mm), *(_paragraph(line, _SMALL) for line in lines)]


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    """reportlab takes text for markup."""
    return Paragraph(escape(text), style)
