"""The forms that a report comes in, one row each."""

from __future__ import annotations

from collections.abc import Callable

from web.report import as_html, as_pdf
from web.report.cases import Report, read_report

FORMATS: dict[str, tuple[Callable[[Report], bytes], str]] = {
    "html": (as_html.as_html, as_html.MEDIA_TYPE),
    "pdf": (as_pdf.as_pdf, as_pdf.MEDIA_TYPE),
}


def make_report(body: bytes, name: str) -> tuple[bytes, str]:
    """The file and its media type for the page's JSON; `name` is a key of FORMATS.

    Raises:
        InvalidRequest: the JSON is no report.
    """
    render, media_type = FORMATS[name]
    return render(read_report(body)), media_type
