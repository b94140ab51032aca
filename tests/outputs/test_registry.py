"""An output is one file and one row: a toy is added by its media type, and the service sends it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from handlers.limits import Limits
from handlers.service import Request, respond
from model_src.classes import CLASS_NAMES
from outputs.registry import EXPLANATIONS, JSON, PNG, PREDICTIONS, format_names
from tests.outputs import toy_output

ROOT = Path(__file__).parents[2]
QUICK = {"method": b"saliency", "score_steps": b"4"}


@pytest.fixture
def toy_rows() -> Iterator[None]:
    """The toy's rows, for one test."""
    PREDICTIONS[toy_output.CSV] = toy_output.render_prediction
    EXPLANATIONS[toy_output.CSV] = toy_output.render_explanation
    yield
    del PREDICTIONS[toy_output.CSV], EXPLANATIONS[toy_output.CSV]


@pytest.fixture
def ask(predictor):
    def run(request):
        (response,) = respond(predictor, Limits(), [request])
        return response

    return run


def test_formats_are_named_by_the_last_word_of_their_media_type():
    assert format_names(EXPLANATIONS) == {"json": JSON, "png": PNG}
    assert format_names(PREDICTIONS) == {"json": JSON}


@pytest.mark.parametrize(
    ("accept", "sent"),
    [
        ("text/csv", "text/csv"),
        (" Text/CSV ", "text/csv"),
        (None, JSON),
        ("*/*", JSON),
        ("text/html,text/csv,*/*;q=0.8", JSON),  # what a program sends by itself is no choice
        ("image/png", JSON),  # no output of a prediction
    ],
)
def test_a_prediction_is_sent_as_the_toy_where_accept_names_it(ask, toy_rows, make_png, accept, sent):
    response = ask(Request({"body": make_png(0)}, explain=False, accept=accept))
    assert (response.status, response.content_type) == (200, sent)
    if sent == toy_output.CSV:
        head, row = response.body.decode().splitlines()
        assert head.split(",") == ["format", *CLASS_NAMES]
        assert row.split(",") == ["PNG", "0.118", "0.876", "0.006"]  # worked out in hand_set_model.py


@pytest.mark.parametrize("fields", [{"format": b"csv"}, {"format": b" CSV"}])
def test_an_explanation_is_sent_as_the_toy_by_format(ask, toy_rows, chest_png, fields):
    response = ask(Request({"data": chest_png, **QUICK, **fields}, explain=True))
    assert response.content_type == "text/csv"
    assert response.body.startswith(b"saliency,Healthy,28x28 over 40x40\n")


def test_format_wins_over_accept(ask, toy_rows, chest_png):
    row = {"data": chest_png, **QUICK}
    assert ask(Request(row, explain=True, accept="text/csv")).content_type == "text/csv"
    assert ask(Request({**row, "format": b"png"}, explain=True, accept="text/csv")).content_type == PNG


def test_an_unknown_format_is_told_which_there_are(ask, toy_rows, chest_png):
    response = ask(Request({"data": chest_png, "format": "gif"}, explain=True))
    assert (
        json.loads(response.body)["message"] == "format: found 'gif', need one of json, png, csv, dicom, dicom-report"
    )


def test_a_toy_that_is_gone_is_unknown(ask, chest_png):
    response = ask(Request({"data": chest_png, "format": b"csv"}, explain=True))
    assert json.loads(response.body)["message"] == "format: found 'csv', need one of json, png, dicom, dicom-report"


def test_outputs_and_results_need_no_torch():
    # The base installation, which asks servers, has none.
    code = "import sys; sys.modules['torch'] = None; import outputs.montage, outputs.registry"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
