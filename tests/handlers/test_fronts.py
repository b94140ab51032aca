"""A front is three functions over the service: a toy in plain WSGI answers as TorchServe's handler does."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from tests.handlers.toy_front import ToyFront


@pytest.fixture
def post(predictor):
    """post(path, body, query, headers) -> status line, headers, body; every call is checked against WSGI's rules."""
    application = validator(ToyFront(predictor))

    def run(path, body=b"", query="", **headers):
        environ = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": "application/octet-stream",
            "wsgi.input": io.BytesIO(body),
            **headers,
        }
        setup_testing_defaults(environ)
        sent: dict[str, Any] = {}
        result: Any = application(
            environ, lambda status, fields, error=None: sent.update(status=status, fields=dict(fields))
        )
        try:
            return sent["status"], sent["fields"], b"".join(result)
        finally:
            result.close()

    return run


def test_a_prediction(post, make_png):
    status, fields, body = post("/predictions", make_png(0))
    assert status == "200 OK"
    assert fields == {"Content-Type": "application/json", "Content-Length": str(len(body))}
    assert json.loads(body)["label"] == "Pneumonia"


def test_an_explanation_with_options_and_as_a_picture(post, chest_png):
    status, fields, body = post("/explanations", chest_png, "method=saliency&score_steps=4&target=healthy")
    assert (status, json.loads(body)["target"]) == ("200 OK", "Healthy")
    status, fields, body = post("/explanations", chest_png, "method=saliency&score_steps=4", HTTP_ACCEPT="image/png")
    assert (status, fields["Content-Type"], body[:4]) == ("200 OK", "image/png", b"\x89PNG")


def test_bodies_are_those_of_torchserves_handler(post, make_png):
    record = json.loads((Path(__file__).parent / "golden" / "responses.json").read_text(encoding="utf-8"))
    recorded = json.loads(record["responses"]["prediction of white"]["body"])
    found = json.loads(post("/predictions", make_png(255))[2])
    assert list(found) == list(recorded)
    assert found["probabilities"] == pytest.approx(recorded["probabilities"], abs=1e-6)
    assert {**found, "probabilities": 0, "residual": 0} == {**recorded, "probabilities": 0, "residual": 0}


@pytest.mark.parametrize(
    ("path", "body", "query", "status", "message"),
    [
        ("/predictions", b"%PDF-1.7", "", "415 Unsupported Media Type", "found a PDF"),
        ("/predictions", b"", "", "400 Bad Request", "found no bytes"),
        ("/explanations", b"\x00", "colour=red", "400 Bad Request", "'colour': no such field"),
        ("/elsewhere", b"x", "", "400 Bad Request", "found /elsewhere, need /predictions"),
    ],
)
def test_errors_have_their_status_and_say_why(post, path, body, query, status, message):
    found, _, sent = post(path, body, query)
    assert found == status
    assert message in json.loads(sent)["message"]
