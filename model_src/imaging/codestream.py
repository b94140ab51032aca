"""Size and components that a JPEG, JPEG-LS or JPEG 2000 codestream declares for itself.

Decoders allocate by these numbers, not by those of the DICOM header around them, so both must agree before
anything is decoded.
"""

from __future__ import annotations

import enum
import struct
from dataclasses import dataclass

from model_src.errors import InvalidImage

_START, _END, _SCAN = 0xD8, 0xD9, 0xDA
# SOF0 to SOF15, among which DHT, JPG and DAC are no frames, and the frame of JPEG-LS.
_FRAMES = ({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}) | {0xF7}
_LOSSLESS_FRAMES = (0xC3, 0xC7, 0xCB, 0xCF)
_JPEG_LS_FRAME = 0xF7
_NO_LENGTH = {0x01, *range(0xD0, 0xD8)}  # TEM, restart markers
_J2K_SIGNATURE = b"\xff\x4f\xff\x51"  # SOC, SIZ


class Coding(enum.Enum):
    """The family of a codestream."""

    JPEG = "JPEG"
    JPEG_LOSSLESS = "JPEG lossless"
    JPEG_LS = "JPEG-LS"
    JPEG_2000 = "JPEG 2000"


@dataclass(frozen=True)
class Shape:
    """What a codestream says it decodes to."""

    width: int
    height: int
    components: int
    bits: int  # of the first component
    coding: Coding = Coding.JPEG
    signed: bool = False  # JPEG 2000 alone can say so


def codestream_shape(stream: bytes) -> Shape:
    """Read the frame header of `stream`.

    Raises:
        InvalidImage: no frame header, or the stream ends inside it.
    """
    try:
        return _jpeg_2000(stream) if _J2K_SIGNATURE in stream[:256] else _jpeg(stream)
    except (struct.error, IndexError) as error:
        raise InvalidImage("the compressed pixel data ends in its header; export the file again") from error


def _jpeg_2000(stream: bytes) -> Shape:
    """The SIZ segment; it comes first, after the boxes of a JP2 file if there are any."""
    at = stream.index(_J2K_SIGNATURE) + 8  # past SOC, SIZ, length, capabilities
    right, bottom, left, top = struct.unpack_from(">4I", stream, at)
    components, depth = struct.unpack_from(">HB", stream, at + 32)
    return Shape(right - left, bottom - top, components, (depth & 0x7F) + 1, Coding.JPEG_2000, bool(depth & 0x80))


def _jpeg(stream: bytes) -> Shape:
    """The first SOF segment."""
    at = 0
    while stream[at] == 0xFF:
        marker = stream[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == _START or marker in _NO_LENGTH:
            at += 2
        elif marker in _FRAMES:
            bits, height, width, components = struct.unpack_from(">BHHB", stream, at + 4)
            lossless = Coding.JPEG_LOSSLESS if marker in _LOSSLESS_FRAMES else Coding.JPEG
            return Shape(width, height, components, bits, Coding.JPEG_LS if marker == _JPEG_LS_FRAME else lossless)
        elif marker in (_END, _SCAN):
            break
        else:
            at += 2 + struct.unpack_from(">H", stream, at + 2)[0]
    raise InvalidImage("the compressed pixel data has no JPEG frame header; export it again")
