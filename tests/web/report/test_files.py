"""The files themselves: whole, self-contained, with every word that belongs in them and none that acts."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from tests.web.report.report_json import body, case, png, shown_map
from web.report.make import make_report

NASTY = '<img src="http://evil.example/x"> & <b>bold</b> "quoted"'


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def page(sent: bytes) -> Page:
    return Page(make_report(sent, "html")[0].decode())


def test_html_says_all_of_a_case():
    text = page(body()).text
    for words in (
        "Research use only, not for diagnosis.",
        "2026-11-27T12:00:00+01:00",
        "coronet 1.0 (SHA-256: cin.pt cdcdcdcdcdcdcdcd)",
        "DICOM, 1024 x 768 pixels",
        "69 were right",
        "Amended by the reader to Pneumonia.",
        "0.880",
        "hardly any contrast",
        "Grad cam, for COVID-19",
        "Deletion 0.210",
    ):
        assert words in text
    assert text.count("esearch use only") == 1  # not among the warnings once more


def test_html_fetches_nothing_and_runs_nothing():
    made = page(body(case(name=NASTY, warnings=[NASTY]), case(label=NASTY)))
    assert {tag for tag, _ in made.tags}.isdisjoint({"script", "link", "iframe", "object", "form", "b"})
    sources = [attributes["src"] for tag, attributes in made.tags if tag == "img"]
    assert len(sources) == 6  # of each case the film, the map, the residuals
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    policy = next(a["content"] for tag, a in made.tags if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert made.text.count(NASTY) == 3  # name, warning, label: as words


def test_every_picture_of_the_html_has_words_for_those_who_cannot_see_it():
    assert all(attributes.get("alt") for tag, attributes in page(body()).tags if tag == "img")


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_equal_reports_are_equal_files(kind):
    assert make_report(body(), kind) == make_report(body(), kind)


def test_a_pdf_has_a_page_for_each_film_and_every_picture():
    pdf, media_type = make_report(body(case(), case(number=2)), "pdf")
    assert media_type == "application/pdf"
    assert pdf.startswith(b"%PDF-1.")
    assert pdf.rstrip().endswith(b"%%EOF")
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) == 2
    assert pdf.count(b"/Subtype /Image") == 3  # of two films with the same pictures each is there once
    assert b"/Title (CoroNet: 2 films)" in pdf


def test_a_pdf_names_nobody():
    pdf, _ = make_report(body(), "pdf")
    assert b"/Author ()" in pdf
    assert re.search(rb"/CreationDate \(D:2000", pdf)  # when it was made is on the page


def test_a_pdf_takes_words_for_words_and_fetches_nothing():
    pdf, _ = make_report(body(case(name=NASTY, label=NASTY, warnings=[NASTY], probabilities={NASTY: 1.0})), "pdf")
    assert b"evil" not in pdf  # no link, no action; the words themselves are in compressed streams
    assert b"/URI" not in pdf
    assert b"/JavaScript" not in pdf


def test_a_pdf_takes_pictures_of_every_shape_and_words_of_every_length():
    tall, wide = png(9, (2048, 10)), png(9, (10, 2048))
    long = "word " * 60
    maps = [shown_map(overlay_png=tall, residual_png=wide, sign=long[:299], method="m" * 200)] * 24
    pdf, _ = make_report(
        body(case(film_png=wide, name="n" * 300, warnings=[long[:299]] * 50, explanations=maps)), "pdf"
    )
    assert len(re.findall(rb"/Type /Page\b(?!s)", pdf)) > 5


def test_over_http_it_is_a_file_to_be_saved(site):
    for kind, media_type in (("html", "text/html; charset=utf-8"), ("pdf", "application/pdf")):
        response = site.post(f"/api/report?format={kind}", body())
        assert response.headers["Content-Type"] == media_type
        assert response.headers["Content-Disposition"] == f'attachment; filename="coronet-report.{kind}"'
        assert response.content == make_report(body(), kind)[0]
    response = site.post("/api/report?format=doc", body())
    assert (response.status_code, response.json()["error"]) == (400, "format: found 'doc', need html or pdf")
    assert site.post("/api/report?format=pdf", b"{}").json()["error"] == "made: Field required"
