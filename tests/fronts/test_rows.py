"""Bodies become the rows that TorchServe makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.filepost import encode_multipart_formdata

from fronts.worker.rows import BadForm, row

WEB_FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
NAMES = st.text(st.characters(codec="ascii", exclude_characters='"\\\r\n'), min_size=1)


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b"\x89PNG", None, {"body": bytearray(b"\x89PNG")}),
        (b"\x89PNG", "image/png", {"body": bytearray(b"\x89PNG")}),
        (b'{"data": 1}', "application/json; charset=utf-8", {"body": {"data": 1}}),
        (b'{"data": 1}', "Application/JSON", {"body": {"data": 1}}),
        (b'{"data": 1}', "application/vnd.x+json", {"body": bytearray(b'{"data": 1}')}),
        (b"{", "application/json", {"body": bytearray(b"{")}),
        (b"[" * 100_000, "application/json", {"body": bytearray(b"[" * 100_000)}),
        ("é".encode(), "text/plain", {"body": "é"}),
        (b"\xff", "text/plain", {"body": bytearray(b"\xff")}),
        (b"", "text", {"body": ""}),
        (
            b"data=a+b%2Bc&empty=",
            "application/x-www-form-urlencoded",
            {"data": bytearray(b"a b+c"), "empty": bytearray()},
        ),
        (b"\x89PNG\xff=%zz&", "application/x-www-form-urlencoded", {"\ufffdPNG\ufffd": bytearray(b"%zz")}),
    ],
)
def test_a_body_by_its_content_type(body, content_type, expected):
    assert row(body, content_type) == expected


def form(*parts: bytes, end: bytes = b"--b--\r\n") -> tuple[bytes, str]:
    return b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end, PARTS


def test_files_are_read_by_their_own_type_and_fields_are_bytes():
    named = b"Content-Disposition: form-data; name="
    found = row(
        *form(
            named + b'"data"; filename="x"\r\nContent-Type: image/png\r\n\r\n\x89\r\n\x00',
            named + b'"more"; filename="y"\r\nContent-Type: application/json\r\n\r\n{"a": 1}',
            named + b'"method"\r\nContent-Type: application/json\r\n\r\nsaliency',
            b"content-disposition: FORM-DATA; name=plain\r\n\r\n",
        )
    )
    assert found == {
        "data": bytearray(b"\x89\r\n\x00"),
        "more": {"a": 1},
        "method": bytearray(b"saliency"),
        "plain": bytearray(),
    }


def test_of_a_repeated_field_the_last_arrives():
    part = b'Content-Disposition: form-data; name="data"; filename="x"\r\n\r\n'
    assert row(*form(part + b"1", part + b"2")) == {"data": bytearray(b"2")}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"--b\r\n\r\n--b--", "multipart/form-data"),
        form(b"no headers end"),
        form(b"X: y\r\n\r\nvalue"),
        form(b'Content-Disposition: form-data; name="a"\r\n\r\nx', end=b""),
        (b"", "multipart/form-data; boundary=b"),
        form(*[b'Content-Disposition: form-data; name="a"\r\n\r\nx'] * 200),
    ],
)
def test_what_is_no_form_is_said(body, content_type):
    with pytest.raises(BadForm):
        row(body, content_type)


@given(
    st.dictionaries(
        st.text(st.characters(codec="ascii", exclude_characters='"\\\r\n'), min_size=1), st.binary(), min_size=1
    )
)
def test_whatever_a_library_packs_comes_out(fields):
    body, content_type = encode_multipart_formdata({name: ("file", value) for name, value in fields.items()})
    found = row(body, content_type)
    typed = {name: found[name] for name in fields if isinstance(found.get(name), bytearray)}
    assert typed == {name: bytearray(value) for name, value in fields.items() if name in typed}
    assert len(found) == len(fields)


@given(
    st.binary(max_size=400),
    st.sampled_from([None, "text/plain", "application/json", "multipart/form-data; boundary=b"]),
)
def test_no_body_is_a_failure(body, content_type):
    try:
        row(body, content_type)
    except BadForm:
        assert content_type.startswith("multipart")
