"""How a request was sent, by its headers: what TorchServe does not undo, and what it loses without a word."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from model_src.errors import ImageTooLarge, InvalidRequest

_FORM = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_PART_HEADERS = 1024  # bytes that a form spends on one field at most: boundary, names, content types
_MOST_UNPACKED = 1 << 27  # bytes: a raw film of 64 megapixels at 16 bits
_GZIP = b"\x1f\x8b"
_LENGTH = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True)
class SentAs:
    """The headers of a request that say how its body is to be read; None: not said."""

    content_type: str | None = None
    content_encoding: str | None = None
    content_length: str | None = None

    @property
    def form(self) -> bool:
        """Whether it is a web form as browsers and `curl -d` send it."""
        return (self.content_type or "").lower().startswith(_FORM)

    def check_nothing_lost(self, row: Mapping[str, object]) -> None:
        """Compare what arrived with what was sent.

        Of several files in one field of a form, TorchServe hands on the last.

        Raises:
            InvalidRequest: there was more in the request than in its fields.
        """
        length = self.content_length or ""
        if not (self.content_type or "").lower().startswith(_MULTIPART) or not _LENGTH.fullmatch(length):
            return
        arrived = sum(len(name) + _size(value) + _PART_HEADERS for name, value in row.items())
        if int(length) > arrived + _PART_HEADERS:
            raise InvalidRequest(
                f"found {length} bytes in the form, of which its fields hold "
                f"{sum(map(_size, row.values()))}: a field was sent more than once, and only its last value arrives; "
                "need each field once, so send one image per request (or a JSON 'instances' list)"
            )

    def unpacked(self, value: object) -> object:
        """A body that was sent with `Content-Encoding: gzip`, unpacked; anything else as it is.

        Raises:
            InvalidRequest: another encoding, a damaged one, or several files in one body.
            ImageTooLarge: more than 128 MiB come out.
        """
        encoding = (self.content_encoding or "identity").strip().lower()
        if encoding == "identity" or not isinstance(value, bytes | bytearray):
            return value
        if encoding not in ("gzip", "x-gzip"):
            raise InvalidRequest("found a Content-Encoding that is not taken, need gzip or none")
        if not value.startswith(_GZIP):  # a proxy has unpacked it and kept the header
            return value
        unpacker = zlib.decompressobj(wbits=31)
        try:
            content = unpacker.decompress(bytes(value), _MOST_UNPACKED)
        except zlib.error:
            raise InvalidRequest("found a damaged gzip body, need a whole one, or the file as it is") from None
        if unpacker.unconsumed_tail:
            raise ImageTooLarge(f"found a gzip body of more than {_MOST_UNPACKED} bytes, need a smaller one")
        if not unpacker.eof:
            raise InvalidRequest("found a gzip body that is cut short, need a whole one, or the file as it is")
        if unpacker.unused_data.startswith(_GZIP):
            raise InvalidRequest(
                "found several gzip files one after the other in the body, need one: send one image per request "
                "(or a JSON 'instances' list)"
            )
        return content


def _size(value: object) -> int:
    """Bytes of a field; of a part that TorchServe has decoded, what its text or JSON may have had at most."""
    if isinstance(value, bytes | bytearray):
        return len(value)
    if isinstance(value, str):
        return 4 * len(value)
    return 1 << 40  # a JSON part: its length is not known
