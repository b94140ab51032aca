"""Every form in which a request reaches the handler (see the module's docstring)."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from handlers.request_body import ImageRequest, parse_row
from handlers.sent_as import SentAs
from model_src.errors import InvalidImage, InvalidRequest

IMAGE = b"\x89PNG\r\n\x1a\n\x00\xfb\xef\xbe\xff\xff image"  # its base64 holds + and / and needs padding
TEXT = base64.b64encode(IMAGE).decode()


def parse(row, *, explain=True, max_instances=3, sent=SentAs()) -> ImageRequest:  # noqa: B008 (it is frozen)
    return parse_row(row, explain=explain, max_instances=max_instances, sent=sent)


@pytest.mark.parametrize(
    "row",
    [
        {"body": bytearray(IMAGE)},
        {"body": IMAGE},
        {"data": bytearray(IMAGE)},
        {"body": {"data": TEXT}},
        {"body": json.dumps({"data": TEXT})},
        {"body": bytearray(json.dumps({"data": TEXT}).encode())},
        {"body": b"\n  " + json.dumps({"data": TEXT}).encode()},
        {"data": {"data": TEXT}},
        {"data": TEXT},
        {"data": bytearray(TEXT.encode())},
        {"data": f"data:image/png;base64,{TEXT}"},
        {"data": f"data:image/png;base64,{TEXT}".encode()},
        {"data": TEXT.rstrip("=")},
        {"data": TEXT.replace("+", "-").replace("/", "_")},
        {"data": f"  {TEXT[:8]}\r\n{TEXT[8:]}\n"},
        {"body": TEXT},
        {"body": b"\xef\xbb\xbf" + json.dumps({"data": TEXT}).encode()},
        {"body": json.dumps({"data": TEXT}).encode("utf-16")},
        {"body": b"\xef\xbb\xbf" + TEXT.encode()},
        {"body": f"-----BEGIN CERTIFICATE-----\r\n{TEXT}\r\n-----END CERTIFICATE-----\r\n".encode()},
    ],
    ids=lambda row: f"{next(iter(row))}={next(iter(row.values()))!r:.40}",
)
def test_one_image_however_it_was_sent(row):
    request = parse(row)
    assert not request.listed
    (item,) = request.items
    assert item.image == IMAGE
    assert item.fields == {}


def test_base64_of_the_example_needs_every_rule():
    assert "+" in TEXT
    assert "/" in TEXT
    assert TEXT.endswith("=")


def test_fields_from_a_form_are_text_and_from_json_what_they_were():
    (item,) = parse({"data": bytearray(IMAGE), "method": bytearray(b"saliency"), "steps": bytearray(b"5")}).items
    assert item.fields == {"method": "saliency", "steps": "5"}
    (item,) = parse({"body": {"data": TEXT, "steps": 5, "target": None}}).items
    assert item.fields == {"steps": 5, "target": None}
    (item,) = parse({"data": {"data": TEXT, "steps": 5}, "method": b"saliency"}).items
    assert item.fields == {"steps": 5, "method": "saliency"}


def test_instances_share_the_fields_beside_them_and_may_differ():
    body = {"method": "saliency", "instances": [{"data": TEXT}, {"data": TEXT, "method": "occlusion", "seed": 2}]}
    request = parse({"body": body})
    assert request.listed
    assert [item.fields for item in request.items] == [{"method": "saliency"}, {"method": "occlusion", "seed": 2}]
    assert all(item.image == IMAGE for item in request.items)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "data: not found"),
        ({"image": IMAGE}, "data: not found, only 'image'"),
        ({"data": IMAGE, "body": IMAGE}, "found both"),
        ({"body": {}}, "data: not found"),
        ({"body": {"data": None}}, "data: found None"),
        ({"body": {"data": 5}}, "data: found 5"),
        ({"body": {"data": {"b64": TEXT}}}, "data: found {'b64'"),
        ({"body": [{"data": TEXT}]}, '{"instances": [{"data"'),
        ({"body": 5}, "data: found 5"),
        ({"body": None}, "data: found None"),
        ({"body": b'{"data": '}, "begins like JSON"),
        ({"body": b'{"a":' * 100_000}, "begins like JSON"),
        ({"body": {"instances": []}}, "instances: found []"),
        ({"body": {"instances": {"data": TEXT}}}, "instances: found {"),
        ({"body": {"instances": [{"data": TEXT}] * 4}}, "instances: found 4, need at most 3"),
        ({"body": {"instances": [{"data": TEXT}, TEXT]}}, "instances[1]: found "),
        ({"body": {"instances": [{"data": TEXT}, {}]}}, "instances[1]: data: not found"),
        ({"body": {"instances": [{"data": TEXT}], "data": TEXT}}, "one of them"),
        ({"data": IMAGE, "method": b"\xff"}, "'method': found bytes that are not UTF-8"),
        ({"data": {"data": TEXT, "steps": 1}, "steps": b"1"}, "'steps': found both"),
    ],
    ids=lambda value: f"{value!r:.50}",
)
def test_what_is_wrong_is_named(row, said):
    with pytest.raises(InvalidRequest) as caught:
        parse(row)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("data", ["%%%", "", "A", "\ud800"], ids=ascii)
def test_broken_base64_is_an_invalid_image(data):
    with pytest.raises(InvalidImage, match=r"^data: found"):
        parse({"body": {"data": data}})
    with pytest.raises(InvalidImage, match=r"^instances\[1\]: data: found"):
        parse({"body": {"instances": [{"data": TEXT}, {"data": data}]}})


def test_empty_body_is_an_invalid_image():
    with pytest.raises(InvalidImage, match="no bytes"):
        parse({"body": bytearray()})


@pytest.mark.parametrize(
    ("row", "content_type"),
    [
        ({'{"data": "' + TEXT + '"}': bytearray()}, None),
        ({"�PNG": bytearray()}, "application/x-www-form-urlencoded"),
    ],
)
def test_json_sent_as_a_web_form_is_told_the_header_it_lacks(row, content_type):
    with pytest.raises(InvalidRequest, match="header 'Content-Type: application/json'"):
        parse(row, sent=SentAs(content_type))


@pytest.mark.parametrize(
    "row", [{"data": IMAGE, "method": b"saliency"}, {"body": {"data": TEXT, "method": "saliency"}}]
)
def test_predictions_take_no_explanation_fields(row):
    with pytest.raises(InvalidRequest, match="'method': no field of a prediction"):
        parse(row, explain=False)


@pytest.mark.parametrize("text", [TEXT, TEXT.replace("+", " "), TEXT.replace("+", " ") + "\r\n"])
def test_base64_in_a_web_form(text):
    form = SentAs("application/x-www-form-urlencoded; charset=UTF-8")
    assert parse({"data": bytearray(text.encode())}, sent=form).items[0].image == IMAGE


def test_a_packed_json_body():
    body = gzip.compress(json.dumps({"data": TEXT, "method": "saliency"}).encode())
    (item,) = parse({"body": bytearray(body)}, sent=SentAs("application/json", "gzip")).items
    assert (item.image, item.fields) == (IMAGE, {"method": "saliency"})


def test_two_files_in_one_field_of_a_form():
    with pytest.raises(InvalidRequest, match="a field was sent more than once"):
        parse({"data": bytearray(bytes(10_000))}, sent=SentAs("multipart/form-data; boundary=x", None, "20300"))
