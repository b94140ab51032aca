"""An HTTP body -> the row that TorchServe would hand to a handler: {parameter name: value}.

What a value is depends on how it was sent: bytes for a raw body or a field of a form, a parsed object for
`application/json`, text for `text/*`, and undecoded bytes when a declared JSON or text cannot be decoded. The handler
judges all of it (handlers/request_body.py).
"""

from __future__ import annotations

import json
import re
from email.message import Message
from urllib.parse import parse_qsl

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_MOST_PARTS = 100


class BadForm(ValueError):
    """A body that is no form of the kind that its content type says."""


def row(body: bytes, content_type: str | None) -> dict[str, object]:
    """The row of a request.

    Args:
        body: as it came.
        content_type: the header, or None.

    Raises:
        BadForm: it says to be a form of parts and is none.
    """
    kind, parameters = _parsed(content_type or "")
    if kind == _MULTIPART:
        return _parts(body, parameters.get("boundary", ""))
    if kind == _FORM:
        return dict(_fields(body))
    return {"body": _decoded(body, kind)}


def _parsed(header: str) -> tuple[str, dict[str, str]]:
    """A header like `form-data; name="data"` -> its first word in small letters, and its parameters."""
    message = Message()
    message["content-type"] = header
    (word, _), *rest = message.get_params([("", "")])
    return word.strip().lower(), {name.lower(): value for name, value in rest}


def _decoded(value: bytes, kind: str) -> object:
    try:
        if kind == "application/json":
            return json.loads(value)
        if kind.startswith("text"):
            return value.decode("utf-8")
    except (ValueError, RecursionError):
        pass  # the handler says what is wrong with it
    return bytearray(value)


def _fields(body: bytes) -> list[tuple[str, object]]:
    """Fields of a web form; names are text, values bytes."""
    pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
    return [(name.encode("latin-1").decode("utf-8", "replace"), bytearray(value, "latin-1")) for name, value in pairs]


def _parts(body: bytes, boundary: str) -> dict[str, object]:
    """Fields of a form of parts (RFC 7578); of a repeated one the last."""
    if not re.fullmatch(r"[\x20-\x7e]{1,70}", boundary):
        raise BadForm("its header names no boundary")
    mark = b"\r\n--" + boundary.encode("ascii")
    sections = (b"\r\n" + body).split(mark)
    if len(sections) < 2 or not sections[-1].startswith(b"--"):
        raise BadForm("it has no end")
    if len(sections) > _MOST_PARTS:
        raise BadForm(f"it has over {_MOST_PARTS - 2} parts")
    return dict(_part(section) for section in sections[1:-1])


def _part(section: bytes) -> tuple[str, object]:
    """Name and value of one part."""
    head, blank, content = section.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise BadForm("a part of it has no end of its headers")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    kind, parameters = _parsed(headers.get("content-disposition", ""))
    if kind != "form-data" or "name" not in parameters:
        raise BadForm("a part of it has no name")
    # Only files keep a content type: a text field arrives as bytes, whatever it says to be.
    sent_as = _parsed(headers.get("content-type", ""))[0] if "filename" in parameters else ""
    return parameters["name"], _decoded(content, sent_as)
