"""Requests of several large images are refused as a whole, by their headers."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from handlers.limits import Limits
from handlers.request_size import check_total
from handlers.service import Request, respond
from model_src.errors import ImageTooLarge
from model_src.imaging import formats


def test_the_sum_counts(make_png):
    forty = make_png(0)  # 40 x 40 pixels
    check_total([forty] * 4, 1600 * 4)
    check_total([forty] * 3 + [b"no image", b"\x89PNG cut"], 1600 * 3)
    with pytest.raises(ImageTooLarge, match=r"found 80\.0 megapixels in 50000 images, need at most 40\.0"):
        check_total([forty] * 50_000, 40_000_000)


@pytest.mark.parametrize("explain", [False, True])
def test_a_request_over_the_limit_gets_413_and_decodes_nothing(predictor, make_png, monkeypatch, explain):
    def decode(*_):
        raise AssertionError("decoded")

    rows = [replace(row, decode=decode) for row in formats.FORMATS]
    monkeypatch.setattr(formats, "FORMATS", rows)
    row = {"body": {"instances": [{"data": base64.b64encode(make_png(0)).decode()}] * 3}}
    (response,) = respond(predictor, Limits(max_pixels=4000), [Request(row, explain)])
    assert response.status == 413
    assert json.loads(response.body)["type"] == "ImageTooLarge"


def test_one_image_of_64_megapixels_is_never_over_it():
    assert Limits().max_pixels >= 4 * 64_000_000
