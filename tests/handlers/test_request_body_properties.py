"""Whatever a caller sends: images, or one of our errors; and what was packed comes out again."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from handlers.request_body import parse_row
from handlers.sent_as import SentAs
from model_src.errors import RequestError
from tests.properties import JSON_VALUES, check_message

NAMES = st.sampled_from(["data", "body", "instances", "method", "steps"]) | st.text(max_size=8)
# Texts that are nearly something: JSON, base64, data URLs, byte order marks.
BEGINNINGS = st.sampled_from(
    [b"", b"{", b'{"data": "', b"data:image/png;base64,", b"\xef\xbb\xbf", b"\xff\xfe", b"\x1f\x8b"]
)
BYTES = st.builds(lambda head, rest: head + rest, BEGINNINGS, st.binary(max_size=60))
VALUES = BYTES | BYTES.map(bytearray) | JSON_VALUES
IMAGES = st.binary(min_size=1, max_size=80)
HEADERS = st.none() | st.text(max_size=20)
SENT = st.builds(
    SentAs,
    st.sampled_from([None, "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]) | HEADERS,
    st.sampled_from([None, "gzip", "identity", "br"]) | HEADERS,
    st.sampled_from([None, "0", "100000", "-1", "²"]) | HEADERS,
)


@given(st.dictionaries(NAMES, VALUES, max_size=4), st.booleans(), SENT)
@example({"body": b"[" * 100_000}, True, SentAs())
@example({"body": b"{" * 100_000}, True, SentAs())
@example({"body": b"x"}, False, SentAs("multipart/form-data; boundary=x", None, "²"))
@example({"body": b"x"}, False, SentAs("multipart/form-data; boundary=x", None, "9" * 5000))
def test_any_row_holds_images_or_is_refused(row: dict[str, object], explain: bool, sent: SentAs) -> None:
    try:
        request = parse_row(row, explain=explain, max_instances=2, sent=sent)
    except RequestError as error:
        check_message(error)
        return
    assert 1 <= len(request.items) <= 2
    for item in request.items:
        assert isinstance(item.image, bytes)
        assert item.image
        assert explain or not item.fields


@given(st.dictionaries(NAMES, JSON_VALUES, max_size=4), st.booleans())
def test_json_means_the_same_however_it_arrives(body: dict[str, Any], explain: bool) -> None:
    """As the parsed object that TorchServe hands on, as text, and as bytes."""

    def outcome(sent: object) -> object:
        try:
            return repr(parse_row({"body": sent}, explain=explain, max_instances=2))
        except RequestError as error:
            return type(error), str(error)

    text = json.dumps(body)
    assert outcome(json.loads(text)) == outcome(text) == outcome(text.encode()) == outcome(bytearray(text.encode()))


@given(IMAGES, st.booleans(), st.booleans(), st.integers(4, 76), st.sampled_from(["", "data:image/png;base64,"]))
def test_base64_of_any_image_is_that_image(image: bytes, url_safe: bool, padded: bool, width: int, head: str) -> None:
    text = (base64.urlsafe_b64encode if url_safe else base64.b64encode)(image).decode()
    text = text if padded else text.rstrip("=")
    text = head + "\r\n".join(text[at : at + width] for at in range(0, len(text), width))
    (item,) = parse_row({"body": {"data": text}}, explain=False, max_instances=1).items
    assert item.image == image
    (item,) = parse_row({"body": text.encode()}, explain=False, max_instances=1).items
    assert item.image == image


@given(IMAGES)
def test_any_bytes_after_a_signature_pass_as_they_are(rest: bytes) -> None:
    image = b"\x89PNG\r\n\x1a\n" + rest
    for sent, body in ((SentAs(), image), (SentAs(content_encoding="gzip"), gzip.compress(image))):
        (item,) = parse_row({"data": body}, explain=False, max_instances=1, sent=sent).items
        assert item.image == image


@given(st.lists(IMAGES, min_size=1, max_size=4), st.dictionaries(st.text(min_size=1), JSON_VALUES, max_size=3))
def test_a_list_of_images_keeps_their_order_and_shares_the_fields(images: list[bytes], fields: dict[str, Any]) -> None:
    fields = {name: value for name, value in fields.items() if name not in ("data", "instances")}
    body = {**fields, "instances": [{"data": base64.b64encode(image).decode()} for image in images]}
    request = parse_row({"body": body}, explain=True, max_instances=4)
    assert request.listed
    assert [item.image for item in request.items] == images
    assert all(item.fields == fields for item in request.items)
