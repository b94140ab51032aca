"""Several files in one response: `multipart/related` (RFC 2387), as DICOMweb sends objects."""

from __future__ import annotations

from collections.abc import Mapping

MULTIPART = "multipart/related"
# No object holds it: lines of text in them come from the film's patient and study, which have no line breaks.
_BOUNDARY = "coronet-8c2f6d1b7a9e4e0f"


def media_type(part_type: str) -> str:
    """Of a response whose parts are all of one media type, as a request names it."""
    return f'{MULTIPART}; type="{part_type}"'


def content_type(part_type: str) -> str:
    """The header of such a response."""
    return f"{media_type(part_type)}; boundary={_BOUNDARY}"


def join_parts(parts: Mapping[str, bytes], part_type: str) -> bytes:
    """Files by name -> a body; a part's name is its Content-Location."""
    lines = []
    for name, content in parts.items():
        head = f"--{_BOUNDARY}\r\nContent-Type: {part_type}\r\nContent-Location: {name}\r\n\r\n"
        lines += [head.encode("ascii"), content, b"\r\n"]
    return b"".join([*lines, f"--{_BOUNDARY}--\r\n".encode("ascii")])
