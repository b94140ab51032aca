"""PNG metadata that is too large for Pillow: left out, so that a colour profile does not cost the picture.

Pillow refuses a whole file when a compressed profile or text inflates to more than 1 MiB, or all text together to
more than 64 MiB. Neither changes the gray values here; of all metadata only the orientation is used.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

_SIGNATURE = 8  # bytes
_LARGEST = 1 << 20  # bytes of one compressed profile or text when inflated, as Pillow has it
_LARGEST_TOTAL = 64 << 20  # bytes of all text together, as Pillow has it; bounds the work here too
_PROFILE, _TEXTS = b"iCCP", (b"tEXt", b"zTXt", b"iTXt")
METADATA = (_PROFILE, *_TEXTS)
# Texts that may hold the orientation.
_ORIENTED = (b"XML:com.adobe.xmp", b"Raw profile type exif")


def without_large_metadata(data: bytes, warnings: list[str]) -> bytes:
    """A PNG file without colour profiles, and without texts that are too large; the same object if it has none.

    A text that is left out and may have held the orientation is said. A damaged file is left to its decoder.
    """
    left_out: list[tuple[int, int]] = []
    total = 0
    for name, start, end in _chunks(data):
        if name == _PROFILE:
            left_out.append((start, end))
        elif name in _TEXTS:
            body = data[start + 8 : end - 4]
            packed = _packed(name, body) if total <= _LARGEST_TOTAL else None
            inflated = 0 if packed is None else _inflated_size(packed)
            total += len(body) + inflated
            if inflated > _LARGEST or total > _LARGEST_TOTAL:
                left_out.append((start, end))
                if data.startswith(_ORIENTED, start + 8):
                    warnings.append("metadata of over 1 MiB are not read: shown as stored, perhaps not upright")
    if not left_out:
        return data
    kept, at = [], 0
    for start, end in left_out:
        kept.append(data[at:start])
        at = end
    return b"".join([*kept, data[at:]])


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Name, start and end of every whole chunk."""
    at = _SIGNATURE
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        end = at + 12 + length
        if end > len(data):
            return
        yield data[at + 4 : at + 8], at, end
        at = end


def _packed(name: bytes, body: bytes) -> bytes | None:
    """The compressed part of a text chunk; None when it is not compressed."""
    rest = body.partition(b"\0")[2]
    if name == b"zTXt":
        return rest[1:]
    if name == b"iTXt" and rest[:1] == b"\1":
        return rest[2:].split(b"\0", 2)[-1]  # after language and translated keyword
    return None


def _inflated_size(packed: bytes) -> int:
    """Bytes when inflated, counted to just over the limit; what is damaged counts nothing."""
    try:
        return len(zlib.decompressobj().decompress(packed, _LARGEST + 1))
    except zlib.error:
        return 0
