"""A report as one HTML file: pictures inside, no script, nothing fetched from anywhere."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html import escape

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

MEDIA_TYPE = "text/html; charset=utf-8"

# A file that is opened from a disk has no headers: what it may do stands in itself.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_STYLE = """
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1rem; color: #1f2933; background: #fff;
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.7rem; margin: 0; } h2 { font-size: 1.25rem; margin: 0 0 .3rem; } h3 { font-size: 1rem; margin: 0; }
h2, p { overflow-wrap: anywhere; } p { margin: .3rem 0; } .small { color: #52606d; font-size: .9rem; }
.notice { border-left: 4px solid #b45309; background: #fff8e6; padding: .5rem .8rem; font-weight: 600; }
section { border-top: 1px solid #cbd2d9; margin-top: 1.5rem; padding-top: 1rem; }
.answer { font-size: 1.1rem; font-weight: 600; }
table { border-collapse: collapse; margin: .5rem 0; } th, td { text-align: left; padding: .15rem .8rem .15rem 0; }
td.number { text-align: right; font-variant-numeric: tabular-nums; } caption { text-align: left; }
.bar { width: min(12rem, 35vw); height: .6rem; background: #e4e7eb; } .bar div { height: 100%; background: #0072b2; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; margin-top: .7rem; }
figure { margin: 0; max-width: min(28rem, 100%); } figure img { max-width: 100%; display: block; background: #000; }
@media print { section { break-inside: avoid-page; } body { padding: 0; } }
"""


def as_html(report: Report) -> bytes:
    """The file. All text is escaped: names of files and warnings come from outside."""
    cases = "".join(_case(case) for case in report.cases)
    count = f"{len(report.cases)} film{'s' if len(report.cases) > 1 else ''}"
    page = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="referrer" content="no-referrer">
<title>CoroNet: {count}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>CoroNet: {count}</h1>
<p class="notice">{escape(RESEARCH_USE.capitalize())}.</p>
<p class="small">Made {escape(report.made)} by {escape(model_line(report.model))}.</p>
{cases}</body>
</html>
"""
    return page.encode("utf-8", "backslashreplace")


def _case(case: Case) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{value:.3f}</td>'
        f'<td><div class="bar"><div style="width: {100 * value:.1f}%"></div></div></td></tr>'
        for name, value in probabilities(case)
    )
    film = _figure(case.film_png, "film as shown on the page", ["The film, as the reader saw it."])
    maps = "".join(_map(shown) for shown in case.explanations)
    return f"""<section>
<h2>{escape(heading(case))}</h2>
<p class="small">{escape(film_line(case))}</p>
<p class="answer">{escape(" ".join(answer_lines(case)))}</p>
<p>{escape(verdict_line(case))}</p>
<table><caption class="small">Probabilities</caption><tbody>{rows}</tbody></table>
{_list(case.warnings)}<div class="pictures">{film}{maps}</div>
</section>
"""


def _map(shown: Map) -> str:
    title = map_title(shown)
    figure = _figure(shown.overlay_png, f"heat map over the film: {title}", [f"{title}.", *map_lines(shown)])
    if shown.residual_png is None:
        return figure
    words = ["What both autoencoders could not draw."]
    return figure + _figure(shown.residual_png, "residuals of both autoencoders", words)


def _figure(png: bytes, alternative: str, lines: Iterable[str]) -> str:
    caption = "<br>".join(escape(line) for line in lines)
    source = base64.b64encode(png).decode("ascii")
    return (
        f'<figure><img alt="{escape(alternative)}" src="data:image/png;base64,{source}">'
        f'<figcaption class="small">{caption}</figcaption></figure>'
    )


def _list(warnings: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in warnings if line != RESEARCH_USE)
    return f"<p>Warnings:</p><ul>{items}</ul>\n" if items else ""
