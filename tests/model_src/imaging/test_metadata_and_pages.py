"""PNGs with large metadata, TIFFs with smaller copies, JPEGs that were taken out of DICOM files."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Sequence
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, TiffImagePlugin
from pydicom import uid

from model_src.errors import UnsupportedImage
from model_src.imaging.formats import declared_pixels, read_image
from tests.fixtures.decoded_images import check, hundred
from tests.image_writers import dicom_frame, smooth_film, write_picture

FILM = smooth_film(48, 255).astype(np.uint8)
MIB = 1 << 20


def chunk(name: bytes, body: bytes) -> bytes:
    """One PNG chunk."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def metadata(kind: str, size: int) -> bytes:
    """A chunk of so many bytes when inflated."""
    text = b"x" * size
    return {
        "iCCP": lambda: chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(text)),
        "zTXt": lambda: chunk(b"zTXt", b"Comment\0\0" + zlib.compress(text)),
        "iTXt": lambda: chunk(b"iTXt", b"Comment\0\1\0en\0\0" + zlib.compress(text)),
        "iTXt plain": lambda: chunk(b"iTXt", b"Comment\0\0\0en\0\0" + text),
        "tEXt": lambda: chunk(b"tEXt", b"Comment\0" + text),
    }[kind]()


@hundred
@given(
    st.lists(
        st.tuples(st.sampled_from(["iCCP", "zTXt", "iTXt", "iTXt plain", "tEXt"]), st.integers(0, 3 * MIB)),
        min_size=1,
        max_size=3,
        unique_by=lambda each: each[0],
    ),
    st.booleans(),
)
def test_large_metadata_does_not_cost_the_picture(several: list[tuple[str, int]], behind: bool) -> None:
    data = write_picture(FILM)
    at = len(data) - 12 if behind else 33  # before IEND, or after IHDR
    data = data[:at] + b"".join(metadata(kind, size) for kind, size in several) + data[at:]
    check(read_image(data), FILM / 255)


def test_metadata_that_may_turn_the_picture() -> None:
    data = write_picture(FILM)
    xmp = b'<x xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="3"/>'

    def with_xmp(text: bytes) -> bytes:
        body = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(text)
        return data[:33] + chunk(b"iTXt", body) + data[33:]

    check(read_image(with_xmp(xmp)), FILM[::-1, ::-1] / 255)
    check(read_image(with_xmp(xmp + b" " * MIB)), FILM / 255, "perhaps not upright")


def test_the_work_on_metadata_is_bounded() -> None:
    bomb = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(64 * MIB), 9))  # 64 KB each
    data = write_picture(FILM)
    begun = time.process_time()
    check(read_image(data[:33] + bomb * 300 + data[33:]), FILM / 255)
    assert time.process_time() - begun < 5  # seconds; all of it would take half a minute


def tiff(pages: Sequence[np.ndarray], marks: Sequence[int | None]) -> bytes:
    """A TIFF of several pages with their NewSubfileType."""
    buffer = BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer) as writer:
        for page, mark in zip(pages, marks, strict=True):
            tags = TiffImagePlugin.ImageFileDirectory_v2()
            if mark is not None:
                tags[254] = mark
            Image.fromarray(page).save(writer, "TIFF", tiffinfo=tags)
            writer.newFrame()
    return buffer.getvalue()


@hundred
@given(st.lists(st.integers(2, 6), min_size=1, max_size=4), st.booleans(), st.booleans(), st.integers(0, 4))
def test_smaller_copies_are_no_further_films(factors: list[int], deep: bool, marked: bool, place: int) -> None:
    film = FILM.astype(np.uint16) * 257 if deep else FILM
    copies = [np.ascontiguousarray(255 - FILM[::factor, ::factor]) for factor in factors]
    place = min(place, len(copies))
    pages = [*copies[:place], film, *copies[place:]]
    marks = [None if page is film else (1 if marked else None) for page in pages]
    data = tiff(pages, marks)
    check(read_image(data), FILM / 255)
    assert declared_pixels(data) == FILM.size


def test_several_films_are_refused() -> None:
    for pages in ([FILM, FILM], [FILM, FILM[:40]], [FILM, FILM[:20, :40]]):
        with pytest.raises(UnsupportedImage, match="several pages"):
            read_image(tiff([np.ascontiguousarray(page) for page in pages], [None, None]))
    with pytest.raises(UnsupportedImage, match="several pages"):
        read_image(tiff([FILM] + [FILM[:4, :4].copy()] * 40, [None] * 41))


@pytest.mark.parametrize(
    ("syntax", "bits"),
    [
        *((uid.JPEGExtended12Bit, bits) for bits in (10, 12)),
        *((syntax, bits) for syntax in (uid.JPEGLosslessSV1, uid.JPEGLossless) for bits in (10, 12, 14, 16)),
    ],
)
def test_deep_jpegs(syntax: uid.UID, bits: int) -> None:
    film = smooth_film(48, (1 << bits) - 1)
    data = dicom_frame(film, syntax, BitsStored=bits)
    check(read_image(data), film / ((1 << bits) - 1), atol=1e-3 if syntax == uid.JPEGExtended12Bit else 2e-6)
    assert declared_pixels(data) == film.size


def test_lossless_jpeg_of_eight_bits_and_of_colour() -> None:
    check(read_image(dicom_frame(FILM, uid.JPEGLosslessSV1)), FILM / 255)
    header = {"SamplesPerPixel": 3, "PlanarConfiguration": 0, "PhotometricInterpretation": "RGB"}
    colour = dicom_frame(FILM, uid.JPEGLosslessSV1, PixelData=np.dstack([FILM] * 3).tobytes(), **header)
    with pytest.raises(UnsupportedImage, match="lossless JPEG of 3 components and 8 bits; save it as gray PNG"):
        read_image(colour)
