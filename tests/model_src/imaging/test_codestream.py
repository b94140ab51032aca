"""Frame headers of compressed pixels, written by other programs or cut short."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from model_src.errors import InvalidImage
from model_src.imaging.codestream import Coding, Shape, codestream_shape

# SOC and SIZ of an image of 300 x 200 with offset (10, 20), 3 components of signed 12 bits.
J2K = bytes.fromhex("ff4fff51002f0000") + b"".join(
    number.to_bytes(4, "big") for number in (310, 220, 10, 20, 310, 220, 0, 0)
)
J2K += (3).to_bytes(2, "big") + b"\x8b\1\1" * 3


def test_jpeg_of_pillow(write_picture: Callable[..., bytes]) -> None:
    gray = np.zeros((20, 30), np.uint8)
    assert codestream_shape(write_picture(gray, "JPEG")) == Shape(30, 20, 1, 8)
    colour = Image.fromarray(gray).convert("RGB")
    assert codestream_shape(write_picture(colour, "JPEG", progressive=True)) == Shape(30, 20, 3, 8)


def test_jpeg_2000_subtracts_the_offset() -> None:
    assert codestream_shape(J2K) == Shape(300, 200, 3, 12, Coding.JPEG_2000, signed=True)
    in_jp2_boxes = b"\0\0\0\x0cjP  \r\n\x87\n" + J2K
    assert codestream_shape(in_jp2_boxes) == Shape(300, 200, 3, 12, Coding.JPEG_2000, signed=True)


@pytest.mark.parametrize(
    ("stream", "shape"),
    [
        # Fill bytes, a comment, a Huffman table (C4, which is no frame), then lossless SOF3 of 16 bits.
        ("ffd8 ffff fffe0004aaaa ffc40002 ffc3000b 10 0102 0304 01", Shape(0x304, 0x102, 1, 16, Coding.JPEG_LOSSLESS)),
        ("ffd8 fff7000b 0c 0010 0020 01", Shape(32, 16, 1, 12, Coding.JPEG_LS)),  # JPEG-LS
    ],
)
def test_markers_before_the_frame(stream: str, shape: Shape) -> None:
    assert codestream_shape(bytes.fromhex(stream)) == shape


@pytest.mark.parametrize("stream", ["", "ffd8", "ffd8 ffc3000b10", "ffd8 ffda 0008", "ffd8 ffd9", "0000", "ffd8 00"])
def test_without_a_frame_header(stream: str) -> None:
    with pytest.raises(InvalidImage, match="header"):
        codestream_shape(bytes.fromhex(stream))


def test_a_cut_jpeg_2000_header() -> None:
    with pytest.raises(InvalidImage, match="ends in its header"):
        codestream_shape(J2K[:20])
