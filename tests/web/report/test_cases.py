"""What is taken for a report, and the one line for what is not."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from model_src.errors import InvalidRequest
from tests.image_writers import write_picture
from tests.web.report.report_json import body, case, png, shown_map
from web.report.cases import read_report


def test_a_report_is_read():
    report = read_report(body(case(name="film.dcm"), newer="a field of a newer page"))
    (only,) = report.cases
    assert (only.name, only.image.width, only.verdict.amended) == ("film.dcm", 1024, "Pneumonia")
    assert only.film_png.startswith(b"\x89PNG")


def test_what_old_models_and_readers_without_a_verdict_lack_may_lack():
    bare = case(such_answers=None, prediction_set=None, in_scope=None, verdict=None, explanations=[], warnings=[])
    assert read_report(body(bare, model={})).cases[0].verdict is None


def test_text_is_one_line_of_visible_letters():
    assert read_report(body(case(name="a\u202eb\nc\x00d"))).cases[0].name == "a b c d"


JPEG = base64.b64encode(write_picture(np.zeros((8, 8), np.uint8), "JPEG")).decode()
CUT = base64.b64encode(base64.b64decode(png())[:50]).decode()


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"no JSON", "report: Invalid JSON"),
        (b"[" * 100_000, "report: Invalid JSON"),
        (body(cases=[]), "cases: List should have at least 1 item"),
        (body(*[case(explanations=[])] * 201), "cases: List should have at most 200 items"),
        (
            body(case(probabilities={"Healthy": 1.5})),
            "cases.0.probabilities.Healthy: Input should be less than or equal",
        ),
        (body(case(probabilities={})), "cases.0.probabilities: Dictionary should have at least 1 item"),
        (body(case(in_scope={})), "cases.0.in_scope.value: Field required"),
        (body(case(such_answers=["69"])), "cases.0.such_answers: Input should be an object"),
        (body(case(name="x" * 301)), "cases.0.name: String should have at most 300"),
        (body(case(film_png=None)), "cases.0.film_png: found no PNG picture in base64"),
        (body(case(film_png="%%%")), "cases.0.film_png: found no PNG picture in base64"),
        (body(case(film_png=JPEG)), "cases.0.film_png: found no PNG picture in base64"),
        (body(case(film_png=CUT)), "cases.0.film_png: found no PNG picture in base64"),
        (body(case(film_png=png(0, (1, 2049)))), "cases.0.film_png: found 2049 x 1 pixels, need at most 2048 a side"),
        (body(case(explanations=[shown_map(overlay_png="")])), "cases.0.explanations.0.overlay_png: found no PNG"),
        (body(case(explanations=[shown_map(deletion=-1)])), "cases.0.explanations.0.deletion: Input should be greater"),
    ],
    ids=range(16),
)
def test_what_is_no_report_is_refused_by_its_first_wrong_field(sent, words):
    with pytest.raises(InvalidRequest) as refused:
        read_report(sent)
    assert str(refused.value).startswith(words)
    assert "\n" not in str(refused.value)
    assert len(str(refused.value)) < 200
