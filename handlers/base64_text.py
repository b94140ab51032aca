"""Base64 text as people send it -> the bytes it stands for.

Both alphabets, with or without data URL prefix, padding, line breaks and byte order mark; with the lines that
`certutil -encode`, `openssl` and `uuencode -m` put around it; and from a form in which "+" became a space.
"""

from __future__ import annotations

import base64
import binascii
import re

from explanations.settings import shown
from model_src.errors import InvalidImage

_TEXT = re.compile(rb"[A-Za-z0-9+/_=\s-]+")  # no image format is made of these alone
_DATA_URL = re.compile(r"\s*data:[^,]{0,200},", re.IGNORECASE)
_FRAME = re.compile(r"^(-----(BEGIN|END) [A-Z0-9 ]{1,40}-----|begin-base64 .*|====)\s*$", re.MULTILINE)
_WHITESPACE = re.compile(r"\s+")
_URL_SAFE = str.maketrans("-_", "+/")
_UTF8_MARK = b"\xef\xbb\xbf"
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def without_mark(value: object) -> object:
    """Bytes or text that Windows programs put a byte order mark before, without it; anything else as it is.

    Text in UTF-16 becomes a `str`. No image format begins with one of these marks.
    """
    if isinstance(value, str):
        return value.removeprefix("\ufeff")
    if not isinstance(value, bytes | bytearray):
        return value
    if value.startswith(_UTF8_MARK):
        return value[len(_UTF8_MARK) :]
    if value[:2] in _UTF16_MARKS:
        try:
            return value.decode("utf-16")
        except UnicodeDecodeError:
            return value
    return value


def is_base64_text(data: bytes | bytearray) -> bool:
    """Whether these bytes are base64 text and no image file."""
    if data[:5].lower() == b"data:" or data[:13] == b"begin-base64 ":
        return True
    return bool(_TEXT.fullmatch(data))


def decode_base64(text: str, *, form: bool = False) -> bytes:
    """The bytes that base64 text stands for.

    Args:
        text: see the top of this file.
        form: it came in a web form, where "+" stands for a space: spaces inside it were "+" before.

    Raises:
        InvalidImage: it is no base64.
    """
    # Only at the start: to search for it would take time in the square of the length of any run of blanks.
    prefix = _DATA_URL.match(text)
    packed = _FRAME.sub("", text[prefix.end() :] if prefix else text)
    if form:
        packed = packed.strip(" \t\r\n").replace(" ", "+")
    packed = _WHITESPACE.sub("", packed).translate(_URL_SAFE).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidImage(f"data: found {shown(text[:30])}..., need an image file or its base64 text") from None
