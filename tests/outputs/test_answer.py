"""Answers on the wire: strict JSON, and errors that survive whatever they quote."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from model_src.errors import ImageTooLarge, InternalError, InvalidImage, OutOfMemory, Overloaded, UnsupportedImage
from model_src.imaging.xray import Xray, resize_pixels
from outputs.answer import Prediction, Reply, error_reply, json_reply, prediction_answer


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
    reply = error_reply(error)
    assert reply.status == status
    assert reply.phrase == phrase
    assert reply.content_type == "application/json"
    assert json.loads(reply.body) == {"code": status, "type": type(error).__name__, "message": "x"}


def test_half_a_surrogate_pair_in_a_message_stays_sendable():
    body = error_reply(InvalidImage("found \ud800 and é")).body
    assert json.loads(body.decode("utf-8"))["message"] == "found \\ud800 and é"


def test_phrases_are_short_ascii_lines_for_any_status():
    for status in (200, 400, 413, 415, 418, 500, 503, 507, 599):
        phrase = Reply(b"", status=status).phrase
        assert phrase.isascii()
        assert phrase.isprintable()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_is_strict(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        json_reply({"value": value})


def test_prediction_rounds_to_what_float32_holds_and_joins_warnings():
    pixels = np.zeros((8, 8), np.float32)
    xray = Xray(resize_pixels(pixels, 8), pixels, "DICOM", 3000, 2000, ("of the image",))
    probabilities = tuple(np.array([0.1, 0.2, 0.7], np.float32).tolist())
    answer = prediction_answer(Prediction(probabilities, (0.25, 0.5)), xray, "2.1", ["of the model"])
    assert answer == {
        "model": "coronet",
        "model_version": "2.1",
        "label": "COVID-19",
        "probabilities": {"Healthy": 0.1, "Pneumonia": 0.2, "COVID-19": 0.7},
        "residual": {"healthy": 0.25, "pneumonia": 0.5},
        "image": {"format": "DICOM", "width": 3000, "height": 2000},
        "warnings": ["of the model", "of the image"],
    }
