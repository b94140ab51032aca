"""The image formats that are taken, one row each; and the one way from a file's bytes to its pixels.

A format is told by its first bytes alone: names and content types that come with a request are often wrong.
Nothing here needs torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from model_src.errors import RequestError
from model_src.imaging.decoding import DecodedImage, decoding
from model_src.imaging.dicom.file import dicom_size, read_dicom
from model_src.imaging.dicom.parse import is_dicom
from model_src.imaging.jpeg import jpeg_size, read_jpeg
from model_src.imaging.other_files import ACCEPTED, refusal
from model_src.imaging.picture import png_size, read_png, read_webp, webp_size
from model_src.imaging.tiff import read_tiff, tiff_size

__all__ = ["ACCEPTED", "FORMATS", "ImageFormat", "declared_pixels", "find_format", "read_image"]

_LONGEST_SIGNATURE = 512


@dataclass(frozen=True)
class ImageFormat:
    """One format. What its functions raise beside RequestErrors is taken for damage in the file."""

    name: str
    matches: Callable[[bytes], object]
    """True or a match for the first 512 bytes of such a file."""
    size: Callable[[bytes], tuple[int, int]]
    """Width and height by the header; nothing is decoded."""
    decode: Callable[[bytes, list[str]], np.ndarray]
    """The pixels as `DecodedImage.pixels`; what there is to say about them is added to the list."""


FORMATS: tuple[ImageFormat, ...] = (
    # First, because DICOM's preamble is free, and whole-slide files put a TIFF header there.
    ImageFormat("DICOM", is_dicom, dicom_size, read_dicom),
    ImageFormat("PNG", re.compile(rb"\x89PNG\r\n\x1a\n").match, png_size, read_png),
    ImageFormat("JPEG", re.compile(rb"\xff\xd8\xff").match, jpeg_size, read_jpeg),
    ImageFormat("WEBP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL).match, webp_size, read_webp),
    ImageFormat("TIFF", re.compile(rb"II[*+]\x00|MM\x00[*+]").match, tiff_size, read_tiff),
)


def find_format(data: bytes) -> ImageFormat:
    """The row of a file's format.

    Raises:
        InvalidImage: empty, text, or bytes of no known format.
        UnsupportedImage: a readable file of another format (PDF, GIF, ZIP, HEIC, NIfTI, ...).
    """
    head = data[:_LONGEST_SIGNATURE]
    for row in FORMATS:
        if row.matches(head):
            return row
    raise refusal(head)


def read_image(data: bytes) -> DecodedImage:
    """Decode the bytes of an image file to gray pixels.

    Raises:
        InvalidImage: not an image, damaged or truncated.
        ImageTooLarge: more than 64 megapixels.
        UnsupportedImage: a readable file of a kind that is not taken.
    """
    row = find_format(data)
    warnings: list[str] = []
    with decoding(row.name):
        pixels = row.decode(data, warnings)
    return DecodedImage(pixels, row.name, tuple(warnings))


def declared_pixels(data: bytes) -> int:
    """Width x height by the header of an image file of a format that is taken; nothing is decoded.

    0 when the header does not tell, because the file is damaged or of another format: who decodes it says so.
    """
    try:
        row = find_format(data)
        with decoding(row.name):
            width, height = row.size(data)
    except RequestError:
        return 0
    return width * height
