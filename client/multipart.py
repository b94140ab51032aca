"""The parts of a `multipart/related` response: how a server sends several DICOM objects at once (RFC 2387)."""

from __future__ import annotations

from email.message import Message

from model_src.errors import ServerError

DICOM_OBJECTS = 'multipart/related; type="application/dicom"'  # what to ask for with the header Accept


def split_parts(content_type: str, body: bytes) -> dict[str, bytes]:
    """The parts of a body by name, in order.

    Args:
        content_type: the response's header, with its boundary.
        body: the whole response.

    Returns:
        Content-Location of each part ("report", "map", ...; "part-1" and so on where it has none) -> its content.

    Raises:
        ServerError: another content type, or a body that is cut off.
    """
    header = _headers(f"Content-Type: {content_type}".encode("latin-1", "replace"))
    boundary = header.get_param("boundary")
    if header.get_content_maintype() != "multipart" or not isinstance(boundary, str):
        raise ServerError(f"the server answered with {content_type or 'no content type'}, need {DICOM_OBJECTS}")
    delimiter = b"\r\n--" + boundary.encode("latin-1", "replace")
    _, *parts = (b"\r\n" + body).split(delimiter)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise ServerError(f"the server's answer is cut off after {len(body)} bytes: ask again")
    found: dict[str, bytes] = {}
    for number, part in enumerate(parts[:-1], 1):
        head, _, content = part.partition(b"\r\n\r\n")
        found[_headers(head)["Content-Location"] or f"part-{number}"] = content
    return found


def _headers(lines: bytes) -> Message:
    """Header lines "Name: value", ended by CR LF."""
    headers = Message()
    for line in lines.decode("latin-1").split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    return headers
