"""What the headers say of a body: packed, lost in part, or as it is."""

from __future__ import annotations

import gzip

import pytest

from handlers import sent_as
from handlers.sent_as import SentAs
from model_src.errors import ImageTooLarge, InvalidRequest

FORM = "multipart/form-data; boundary=x"


def packed(encoding="gzip"):
    return SentAs(content_encoding=encoding)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", " GZIP "])
def test_a_packed_body_is_unpacked(encoding):
    assert packed(encoding).unpacked(bytearray(gzip.compress(b"image"))) == b"image"


@pytest.mark.parametrize(
    ("sent", "value"),
    [(SentAs(), gzip.compress(b"x")), (packed("identity"), b"x"), (packed(), b"unpacked by a proxy"), (packed(), {})],
    ids=str,
)
def test_anything_else_is_left_as_it_is(sent, value):
    assert sent.unpacked(value) == value


@pytest.mark.parametrize(
    ("encoding", "value", "says"),
    [
        ("br", b"x", "need gzip or none"),
        ("gzip", gzip.compress(b"image")[:-9], "cut short"),
        ("gzip", b"\x1f\x8b" + bytes(20), "damaged"),
        ("gzip", 2 * gzip.compress(b"image"), "several gzip files"),
    ],
)
def test_a_body_that_cannot_be_unpacked(encoding, value, says):
    with pytest.raises(InvalidRequest, match=says):
        packed(encoding).unpacked(value)


def test_a_small_body_that_unpacks_to_a_flood(monkeypatch):
    monkeypatch.setattr(sent_as, "_MOST_UNPACKED", 1000)
    assert len(packed().unpacked(gzip.compress(bytes(1000)))) == 1000
    with pytest.raises(ImageTooLarge):
        packed().unpacked(gzip.compress(bytes(1001)))


IMAGE = bytes(10_000)


@pytest.mark.parametrize(
    ("row", "length"),
    [
        ({"data": IMAGE}, 10_200),
        ({"data": IMAGE, "method": b"saliency", "steps": b"5"}, 10_600),
        ({"data": "\u00e9" * 5000}, 10_200),  # decoded text may have had four bytes a letter
        ({"data": {"data": "..."}}, 50_000),  # a JSON part
    ],
    ids=["file", "fields", "text", "json"],
)
def test_a_whole_form_is_not_taken_for_less(row, length):
    SentAs(FORM, None, str(length)).check_nothing_lost(row)


def test_a_second_file_in_a_field_is_noticed():
    with pytest.raises(InvalidRequest, match=r"found 20400 bytes in the form, .* hold 10000: .* one image per request"):
        SentAs(FORM, None, "20400").check_nothing_lost({"data": IMAGE})


@pytest.mark.parametrize("sent", [SentAs(None, None, "99999"), SentAs(FORM, None, None), SentAs(FORM, None, "many")])
def test_only_forms_of_a_known_length_are_compared(sent):
    sent.check_nothing_lost({"data": IMAGE})
