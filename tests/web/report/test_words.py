"""What a report says, worked out by hand."""

from __future__ import annotations

import pytest

from tests.web.report.report_json import body, case, shown_map
from web.report.cases import Case, Map, Model, read_report
from web.report.words import answer_lines, heading, map_lines, map_title, model_line, probabilities, verdict_line


def read(**fields) -> Case:
    return read_report(body(case(**fields))).cases[0]


def a_map(**fields) -> Map:
    return read(explanations=[shown_map(**fields)]).explanations[0]


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({}, ["COVID-19.", "Of 100 such answers on validation films, 69 were right."]),
        (
            {"such_answers": None, "prediction_set": None, "in_scope": None},
            ["COVID-19.", "How often such an answer is right is not known: this model came without counts."],
        ),
        ({"prediction_set": {"90": ["COVID-19", "Pneumonia"]}}, ["I do not know: COVID-19 or Pneumonia."]),
        (
            {"in_scope": {"value": False, "reason": "looks like no frontal chest film"}},
            ["I do not know: this looks like no frontal chest film."],
        ),
    ],
    ids=["answer", "old model", "two remain", "out of scope"],
)
def test_answers_are_in_the_words_of_all_clients(fields, lines):
    assert answer_lines(read(**fields)) == lines


def test_the_most_probable_class_comes_first():
    assert [name for name, _ in probabilities(read())] == ["COVID-19", "Pneumonia", "Healthy"]


def test_headings_have_the_name_where_the_reader_left_it_in():
    assert heading(read()) == "Film 1"
    assert heading(read(name="a.dcm", number=3)) == "Film 3: a.dcm"


@pytest.mark.parametrize(
    ("verdict", "line"),
    [
        (None, "No verdict of a reader."),
        ({"verdict": "accept", "amended": None}, "Accepted by the reader."),
        ({"verdict": "reject"}, "Rejected by the reader."),
        ({"verdict": "amend", "amended": "Healthy"}, "Amended by the reader to Healthy."),
    ],
)
def test_verdicts_in_words(verdict, line):
    assert verdict_line(read(verdict=verdict)) == line


def test_maps_in_words():
    assert map_title(a_map()) == "Grad cam, for COVID-19"
    assert map_lines(a_map()) == [
        "1 = speaks most for the target class.",
        "Probability 0.880, without what is marked 0.050.",
        "Deletion 0.210 (low is good), insertion 0.800 (high is good).",
    ]
    bare = a_map(target=None, sign="", probability_before=None, deletion=None)
    assert (map_title(bare), map_lines(bare)) == ("Grad cam", [])


def test_the_model_is_named_as_far_as_it_is_known():
    assert model_line(Model(model="coronet", model_version="1.0", sha256={"cin.pt": "ab" * 32})) == (
        "coronet 1.0 (SHA-256: cin.pt abababababababab)"
    )
    assert model_line(Model()) == "a model that did not say its name"
