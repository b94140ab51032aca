"""Pictures that are refused: several in one file, cut, damaged, too large, of an unknown layout."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from model_src.errors import ImageTooLarge, InvalidImage, RequestError, UnsupportedImage
from model_src.imaging.formats import read_image
from tests.model_src.imaging.test_picture import png, read

Writer = Callable[..., bytes]

GRAY = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)


@pytest.mark.parametrize(
    ("kind", "found"), [("PNG", "animated PNG"), ("WEBP", "animated WEBP"), ("TIFF", "several pages")]
)
def test_several_images_are_refused(write_picture: Writer, kind: str, found: str) -> None:
    pages = [Image.fromarray(GRAY), Image.fromarray(255 - GRAY)]
    with pytest.raises(UnsupportedImage, match=found):
        read(write_picture(pages[0], kind, save_all=True, append_images=pages[1:]))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_truncated_file_is_never_shown_in_part(write_picture: Writer, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    data = write_picture(noise, kind)
    for kept in (0.99, 0.9, 0.5, 0.1, 0.02):
        with pytest.raises(InvalidImage, match=f"the {kind} file is damaged|in the header") as raised:
            read_image(data[: max(12, int(len(data) * kept))])
        assert "\n" not in str(raised.value)


def test_tiff_of_an_unknown_layout(write_tiff: Writer) -> None:
    with pytest.raises(UnsupportedImage, match="kind of samples"):
        read(write_tiff(GRAY.astype(np.float64)))
    with pytest.raises(UnsupportedImage, match="colour mode LAB"):
        read(write_tiff(np.dstack([GRAY] * 3), photometric=8))


def large(kind: str, write_tiff: Writer) -> bytes:
    """A small file that declares 10,000 x 10,000 pixels."""
    if kind == "PNG":
        return png("00002710 00002710 0800000000", [b"\0"])
    if kind == "JPEG":
        return bytes.fromhex("ffd8 ffc0000b 08 2710 2710 01 011100 ffda0008 01 0100 003f00") + bytes(99)
    if kind == "TIFF":
        return write_tiff(GRAY, tags={256: 10_000, 257: 10_000, 278: 10_000})
    size = (9_999).to_bytes(3, "little") * 2
    chunk = {
        "WEBP": b"VP8X\x0a\0\0\0\0\0\0\0" + size,
        "WEBP lossless": b"VP8L\x40\0\0\0\x2f" + (9_999 | 9_999 << 14).to_bytes(4, "little"),
        "WEBP lossy": b"VP8 \x40\0\0\0\x10\0\0\x9d\x01\x2a" + struct.pack("<HH", 10_000, 10_000),
    }[kind]
    return b"RIFF\x80\0\0\0WEBP" + chunk + bytes(99)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "WEBP lossless", "WEBP lossy"])
def test_too_many_pixels_are_refused_by_the_header(write_tiff: Writer, kind: str) -> None:
    with pytest.raises(ImageTooLarge, match="10000 x 10000 pixels"):
        read(large(kind, write_tiff))


def test_sixty_four_megapixels_are_the_limit() -> None:
    with pytest.raises(ImageTooLarge, match="8000 x 8001"):
        read(png("00001f40 00001f41 0800000000", [b"\0"]))
    with pytest.raises(InvalidImage, match="damaged"):  # the size passes, its pixels are missing
        read(png("00001f40 00001f40 0100000000", [b"\0"]))


def test_tiles_far_larger_than_the_image(write_tiff: Writer) -> None:
    with pytest.raises(ImageTooLarge, match="60000 x 60000"):
        read(write_tiff(GRAY, tags={322: 60_000, 323: 60_000, 324: 8, 325: 6}))


@pytest.mark.parametrize("cause", ["pixels", "checksum", "palette"])
def test_damage_inside(write_picture: Writer, cause: str) -> None:
    data = bytearray(write_picture(Image.fromarray(GRAY).convert("P")))
    places = {"pixels": data.index(b"IDAT") + 9, "checksum": 30, "palette": data.index(b"PLTE") + 9}
    data[places[cause]] ^= 0x55
    with pytest.raises(RequestError, match="the PNG file is damaged"):
        read(bytes(data))
