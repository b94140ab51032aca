"""Pictures of every kind that is taken, with pixels worked out by hand."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from model_src.errors import UnsupportedImage
from model_src.imaging.formats import read_image

Writer = Callable[..., bytes]

GRAY = np.array([[0, 51, 102], [153, 204, 255]], np.uint8)
PIXELS = np.array([[0, 0.2, 0.4], [0.6, 0.8, 1]])
DEEP = GRAY.astype(np.uint16) * 257  # the same brightness in 16 bits
ALPHA = np.array([[255, 255, 255], [255, 255, 0]], np.uint8)


def read(data: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    decoded = read_image(data)
    assert decoded.pixels.dtype == np.float32
    assert decoded.pixels.flags.c_contiguous
    return decoded.pixels, decoded.warnings


def check(data: bytes, expected: np.ndarray, atol: float = 1e-6) -> None:
    """`data` reads as `expected`, and there is nothing to say about it."""
    pixels, warnings = read(data)
    assert pixels.shape == expected.shape
    np.testing.assert_allclose(pixels, expected, atol=atol)
    assert warnings == ()


def png(header: str, rows: list[bytes], transparent: bytes = b"") -> bytes:
    """A PNG by hand: IHDR as hexadecimal, unfiltered rows, the samples of tRNS."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    body = zlib.compress(b"".join(b"\0" + row for row in rows))
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", bytes.fromhex(header))
    start += chunk(b"tRNS", transparent) if transparent else b""
    return start + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
@pytest.mark.parametrize(("kind", "options"), [("PNG", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})])
def test_eight_bits_in_every_mode(write_picture: Writer, mode: str, kind: str, options: dict[str, str]) -> None:
    check(write_picture(Image.fromarray(GRAY).convert(mode), kind, **options), PIXELS)


@pytest.mark.parametrize(("kind", "options"), [("JPEG", {"quality": 100}), ("WEBP", {"lossless": True})])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg_and_webp(write_picture: Writer, kind: str, mode: str, options: dict[str, Any]) -> None:
    blocks = np.kron(GRAY, np.ones((16, 16), np.uint8))  # whole JPEG blocks, exact but for rounding
    image = Image.fromarray(blocks).convert(mode)
    check(write_picture(image, kind, **options), np.kron(PIXELS, np.ones((16, 16))), atol=1.5 / 255)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk(write_picture: Writer, kind: str) -> None:
    # Black alone carries the picture; Pillow writes JPEG inverted, as Adobe does, and TIFF not.
    blocks = np.kron(GRAY, np.ones((16, 16), np.uint8))
    zero = Image.new("L", blocks.shape[::-1])
    image = Image.merge("CMYK", [zero, zero, zero, Image.fromarray(255 - blocks)])
    options = {"quality": 100} if kind == "JPEG" else {}
    check(write_picture(image, kind, **options), np.kron(PIXELS, np.ones((16, 16))), atol=1.5 / 255)


def test_one_bit(write_picture: Writer) -> None:
    bits = Image.fromarray(GRAY).point(lambda value: value > 127, mode="1")
    check(write_picture(bits), (PIXELS > 0.5).astype(float))
    check(write_picture(bits, "TIFF", compression="group4"), (PIXELS > 0.5).astype(float))


def test_two_and_four_bits() -> None:
    check(png("00000004 00000001 0200000000", [b"\x1b"]), np.array([[0, 1, 2, 3]]) / 3)
    check(png("00000004 00000001 0400000000", [b"\x05\xaf"]), np.array([[0, 5, 10, 15]]) / 15)


@pytest.mark.parametrize(
    ("highest", "white"),
    [
        (65535, 65535),
        (16384, 65535),  # just above 14 bits
        (16383, 16383),
        (4095, 4095),
        (3000, 4095),  # a 12-bit detector that saw no direct exposure keeps its scale
        (1023, 1023),
        (255, 255),
        (7, 255),
        (0, 255),
    ],
)
def test_sixteen_bits_are_scaled_by_the_depth_they_use(
    write_picture: Writer, write_tiff: Writer, highest: int, white: int
) -> None:
    ramp = np.linspace(0, highest, 12).round().astype(np.uint16).reshape(3, 4)
    for data in (write_picture(ramp), write_tiff(ramp), write_tiff(ramp, ">"), write_picture(ramp, "TIFF")):
        check(data, ramp / white)


def test_sixteen_bits_equal_eight(write_picture: Writer) -> None:
    check(write_picture(DEEP), PIXELS)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("samples", [GRAY, DEEP, GRAY.astype(np.float32), GRAY.astype(np.float32) / 255])
def test_tiff_where_zero_is_white(write_tiff: Writer, order: str, samples: np.ndarray) -> None:
    check(write_tiff(samples, order, photometric=0), 1 - PIXELS)
    check(write_tiff(samples, order, photometric=1), PIXELS)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_compressed_deep_tiff(write_picture: Writer, compression: str) -> None:
    check(write_picture(DEEP, "TIFF", compression=compression), PIXELS)


@pytest.mark.parametrize("order", ["<", ">"])
def test_other_deep_tiffs(write_tiff: Writer, order: str) -> None:
    check(write_tiff(DEEP.astype(np.uint32), order), PIXELS)
    check(write_tiff((DEEP >> 4).astype(np.int16), order), (DEEP >> 4) / 4095)
    check(write_tiff((GRAY / 51 * 4095 / 5).astype(np.float32), order), PIXELS)
    check(write_tiff(np.dstack([DEEP] * 3), order, photometric=2), PIXELS)


@pytest.mark.parametrize(
    ("samples", "expected", "word"),
    [
        (np.array([[-100, 0, 100]], np.int16), [[0, 0.5, 1]], "-100 to 100"),
        (np.array([[0, 2**31, 2**32 - 1]], np.uint32), [[0, 0.5, 1]], "stretched"),
        (
            np.array([[-3e38, 0, 3e38]], np.float32),
            [[0, 0.5, 1]],
            "stretched",
        ),
        (np.array([[-5, -5, -5]], np.float32), [[0, 0, 0]], "stretched"),
        (np.array([[0, 0.25, np.nan]], np.float32), [[0, 0.25, 0]], "1 samples are not numbers"),
        (np.array([[np.inf, -np.inf, np.nan]], np.float32), [[0, 0, 0]], "3 samples are not numbers"),
        (np.array([[0, 255.5, 1023]], np.float32), [[0, 255.5 / 1023, 1]], ""),
        (np.array([[0, 102, 255.5]], np.float32), [[0, 0.4, 1]], ""),  # no depth ends between 255 and 256
    ],
)
def test_samples_without_a_range(
    write_tiff: Writer, samples: np.ndarray, expected: list[list[float]], word: str
) -> None:
    pixels, warnings = read(write_tiff(samples))
    np.testing.assert_allclose(pixels, expected, atol=1e-6)
    assert len(warnings) == bool(word)
    assert word in "".join(warnings)


def test_transparency_is_laid_on_black(write_picture: Writer) -> None:
    seen = PIXELS * (ALPHA / 255)
    gray, alpha = Image.fromarray(GRAY), Image.fromarray(ALPHA)
    check(write_picture(Image.merge("LA", [gray, alpha])), seen)
    check(write_picture(Image.merge("RGBA", [gray, gray, gray, alpha])), seen)
    check(write_picture(Image.merge("RGBA", [gray, gray, gray, alpha]), "TIFF"), seen)
    check(write_picture(Image.merge("RGBA", [gray, gray, gray, alpha]), "WEBP", lossless=True), seen)
    half = Image.fromarray(np.full_like(GRAY, 128))
    check(write_picture(Image.merge("LA", [gray, half])), PIXELS * 128 / 255)


def test_transparency_that_is_multiplied_in_already(write_tiff: Writer) -> None:
    multiplied = np.dstack([np.where(ALPHA == 255, GRAY, 0), ALPHA]).astype(np.uint8)
    check(write_tiff(multiplied, tags={338: 1}), PIXELS * (ALPHA / 255))


def test_transparency_by_colour(write_picture: Writer) -> None:
    without_white = np.where(GRAY == 255, 0, PIXELS)
    check(write_picture(Image.fromarray(GRAY), transparency=255), without_white)
    check(write_picture(Image.fromarray(GRAY).convert("RGB"), transparency=(255, 255, 255)), without_white)
    check(png("00000002 00000001 1000000000", [b"\xff\xff\x33\x33"], b"\xff\xff"), np.array([[0, 0.2]]))


def test_palette_with_transparency(write_picture: Writer) -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([0, 0, 0, 102, 102, 102, 255, 255, 255])
    image.putdata([0, 1, 2])
    check(write_picture(image), np.array([[0, 0.4, 1]]))
    check(write_picture(image, transparency=2), np.array([[0, 0.4, 0]]))
    check(write_picture(image, transparency=b"\xff\x80\xff"), np.array([[0, 0.4 * 128 / 255, 1]]))


def test_sixteen_bit_gray_with_alpha_keeps_its_low_bytes() -> None:
    # 12 bits of gray at full, half and no opacity, which Pillow alone would cut to four bits.
    samples = [(4095, 65535), (1001, 65535), (4095, 32768), (4095, 0)]
    data = png("00000004 00000001 1004000000", [b"".join(struct.pack(">HH", *sample) for sample in samples)])
    check(data, np.array([[1, 1001 / 4095, 32768 / 65535, 0]]))


def test_sixteen_bit_colour_has_to_use_its_range() -> None:
    bright = png("00000002 00000001 1002000000", [struct.pack(">6H", *[65535] * 3, *[0x3333] * 3)])
    check(bright, np.array([[1, 0.2]]))
    with pytest.raises(UnsupportedImage, match="16 of 256 brightness levels"):
        read(png("00000001 00000001 1002000000", [struct.pack(">3H", 4095, 4095, 4095)]))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
def test_exif_orientation(write_picture: Writer, kind: str, orientation: int) -> None:
    # What a camera held so stores of this upright picture (EXIF 2.3, section 4.6.4).
    upright = np.kron(GRAY, np.ones((16, 16), np.uint8))
    stored = {
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.T,
        6: upright.T[::-1],
        7: upright[::-1, ::-1].T,
        8: upright.T[:, ::-1],
    }.get(orientation, upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {"quality": 100} if kind == "JPEG" else {}
    data = write_picture(np.ascontiguousarray(stored), kind, exif=exif, **options)
    check(data, upright / 255, atol=1.5 / 255)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_deep_samples_are_turned_too(write_picture: Writer, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    check(write_picture(np.ascontiguousarray(DEEP.T[::-1]), kind, exif=exif), PIXELS)


def test_deep_gray_with_alpha_is_turned_too() -> None:
    body = bytes.fromhex("49492a0008000000 0100 1201 0300 01000000 06000000 00000000")
    rows = [struct.pack(">HH", 0x3333, 65535), struct.pack(">HH", 0xFFFF, 65535)]
    data = png("00000001 00000002 1004000000", rows)
    exif = struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", zlib.crc32(b"eXIf" + body))
    check(data[:33] + exif + data[33:], np.array([[1, 0.2]]))


def test_damaged_exif_does_not_cost_the_image(write_picture: Writer) -> None:
    data = write_picture(GRAY, "PNG", exif=b"Exif\0\0XX\0\0nonsense")
    pixels, warnings = read(data)
    np.testing.assert_allclose(pixels, PIXELS, atol=1e-6)
    assert warnings == ("the EXIF data cannot be read: shown as stored, perhaps not upright",)


def test_colour_is_said_and_annotations_are_not(write_picture: Writer) -> None:
    photograph = np.zeros((40, 40, 3), np.uint8)
    photograph[..., 0] = 255
    pixels, warnings = read(write_picture(photograph))
    np.testing.assert_allclose(pixels, 76 / 255, atol=1e-6)  # luma of red, 0.299
    assert warnings == ("a colour picture, not a gray X-ray: its brightness alone is used",)
    annotated = np.full((40, 40, 3), 100, np.uint8)
    annotated[:4, :4] = (255, 0, 0)
    assert read(write_picture(annotated))[1] == ()
