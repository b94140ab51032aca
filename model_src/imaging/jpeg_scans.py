"""How often a JPEG makes its decoder pass over all pixels: a small file can ask for hours of work.

A progressive JPEG comes in scans, usually 6 to 10. Every scan updates the whole image and costs about a second for
1,500 megapixels, and an empty one needs a hundred bytes: 10 MB of them keep a core busy for an hour.
"""

from __future__ import annotations

import re
import struct

from model_src.errors import UnsupportedImage
from model_src.imaging.decoding import MAX_PIXELS

# Pixels times scans: 15 scans of the largest image, more of smaller ones.
_MOST_PIXELS = 15 * MAX_PIXELS
_END, _SCAN = 0xD9, 0xDA
# The next marker in entropy-coded data: not a stuffed 0xFF, a fill byte or a restart.
_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_NO_LENGTH = (0x01, *range(0xD0, 0xD9))  # TEM, restart markers, SOI


def check_scans(stream: bytes, width: int, height: int) -> None:
    """Refuse a JPEG stream of `width` x `height` pixels with more scans than any encoder makes of it.

    Raises:
        UnsupportedImage: too many scans.
    """
    scans = count_scans(stream)
    if scans * width * height > _MOST_PIXELS:
        raise UnsupportedImage(
            f"found a JPEG of {width} x {height} pixels in {scans} scans, need at most "
            f"{_MOST_PIXELS // (width * height)}; save it as baseline JPEG"
        )


def count_scans(stream: bytes) -> int:
    """Scans of a JPEG, without those of a thumbnail in its metadata; what is damaged counts as far as it goes."""
    found, at = 0, 0
    while marker := _MARKER.search(stream, at):
        at = marker.end()
        code = stream[at - 1]
        if code in _NO_LENGTH:
            continue
        if code == _END or at + 2 > len(stream):
            break
        found += code == _SCAN
        at += struct.unpack_from(">H", stream, at)[0]
    return found
