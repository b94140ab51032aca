"""What goes back for a request: errors that survive whatever they quote, and phrases fit for TorchServe."""

from __future__ import annotations

import json

import pytest

from handlers.response import Response, error_response
from model_src.errors import ImageTooLarge, InternalError, InvalidImage, OutOfMemory, Overloaded, UnsupportedImage


@pytest.mark.parametrize(
    ("error", "status", "phrase"),
    [
        (InvalidImage("x"), 400, "Bad Request"),
        (ImageTooLarge("x"), 413, "Payload Too Large"),
        (UnsupportedImage("x"), 415, "Unsupported Media Type"),
        (InternalError("x"), 500, "Internal Server Error"),
        (Overloaded("x"), 503, "Service Unavailable"),
        (OutOfMemory("x"), 507, "Insufficient Storage"),
    ],
)
def test_errors_carry_code_type_and_message(error, status, phrase):
    response = error_response(error)
    assert response.status == status
    assert response.phrase == phrase
    assert response.content_type == "application/json"
    assert json.loads(response.body) == {"code": status, "type": type(error).__name__, "message": "x"}


def test_half_a_surrogate_pair_in_a_message_stays_sendable():
    body = error_response(InvalidImage("found \ud800 and é")).body
    assert json.loads(body.decode("utf-8"))["message"] == "found \\ud800 and é"


def test_phrases_are_short_ascii_lines_for_any_status():
    for status in (200, 400, 413, 415, 418, 500, 503, 507, 599):
        phrase = Response(b"", status=status).phrase
        assert phrase.isascii()
        assert phrase.isprintable()
