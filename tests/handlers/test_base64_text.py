"""Base64 as Windows, OpenSSL, web forms and browsers write it."""

from __future__ import annotations

import base64
import time

import pytest

from handlers.base64_text import decode_base64, is_base64_text, without_mark
from model_src.errors import InvalidImage

IMAGE = b"\x89PNG\r\n\x1a\n\x00\xfb\xef\xbe\xff\xff image"  # its base64 holds + and / and needs padding
TEXT = base64.b64encode(IMAGE).decode()
LINES = f"{TEXT[:16]}\r\n{TEXT[16:]}\r\n"


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        TEXT.rstrip("="),
        TEXT.replace("+", "-").replace("/", "_"),
        f"data:image/png;base64,{TEXT}",
        f"-----BEGIN CERTIFICATE-----\r\n{LINES}-----END CERTIFICATE-----\r\n",
        f"-----BEGIN PKCS7-----\n{LINES}-----END PKCS7-----",
        f"begin-base64 644 xray.png\n{LINES}====\n",
    ],
    ids=lambda text: repr(text[:28]),
)
def test_however_it_is_framed(text):
    assert is_base64_text(text.encode())
    assert decode_base64(text) == IMAGE


def test_a_plus_that_became_a_space_in_a_form():
    spoilt = TEXT.replace("+", " ")
    assert spoilt != TEXT
    assert decode_base64(f" {spoilt}\r\n", form=True) == IMAGE
    with pytest.raises(InvalidImage):  # in JSON a space is a space: what is left has a length of no base64
        decode_base64("A " * 5)


@pytest.mark.parametrize("data", [IMAGE, b"II*\0", b"P5 2 2 255\n\0\0\0\0", b"%PDF"])
def test_image_files_are_no_text(data):
    assert not is_base64_text(data)


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        (b"\xef\xbb\xbf{}", b"{}"),
        (bytearray(b"\xef\xbb\xbf{}"), b"{}"),
        ("\ufeff{}", "{}"),
        ("{}".encode("utf-16"), "{}"),
        (b"\xfe\xff" + "{}".encode("utf-16-be"), "{}"),
        (b"\xff\xfe\xd8", b"\xff\xfe\xd8"),  # no UTF-16 after all
        (IMAGE, IMAGE),
        ({"a": 1}, {"a": 1}),
        (None, None),
    ],
    ids=repr,
)
def test_byte_order_marks_go(marked, plain):
    assert without_mark(marked) == plain


@pytest.mark.parametrize("text", [f"{TEXT[:16]}{{}}{TEXT[16:]}", f"{{}}{TEXT}", f"data:image/png;base64,{{}}{TEXT}"])
@pytest.mark.parametrize("blank", [" ", "\n", "\r\n"])
def test_a_long_run_of_blanks_costs_no_more_than_its_length(text, blank):
    started = time.process_time()
    assert decode_base64(text.format(blank * 50_000)) == IMAGE
    assert time.process_time() - started < 2  # in the square of the length: 9
