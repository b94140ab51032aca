"""Files are told by their bytes."""

from __future__ import annotations

import gzip
import subprocess
import sys

import numpy as np
import pytest

from model_src.errors import InvalidImage, RequestError, UnsupportedImage
from model_src.imaging import formats
from model_src.imaging.formats import declared_pixels, find_format, read_image
from model_src.imaging.xray import read_xray
from tests.model_src.imaging import toy_format

PREAMBLE = bytes(128)
FTYP = b"\0\0\0\x18ftyp"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(9), "PNG"),
        (b"\xff\xd8\xff\xe0" + bytes(9), "JPEG"),
        (b"RIFF\x0a\0\0\0WEBPVP8 ", "WEBP"),  # the length may hold a newline byte
        (b"II*\0" + bytes(9), "TIFF"),
        (b"MM\0*" + bytes(9), "TIFF"),
        (b"II+\0" + bytes(9), "TIFF"),  # BigTIFF
        (PREAMBLE + b"DICM", "DICOM"),
        (b"II*\0" + bytes(124) + b"DICM", "DICOM"),  # a TIFF header in the preamble
        (b"\x02\0\0\0UL\4\0", "DICOM"),  # no preamble: file meta information first
        (b"\x08\0\x05\0CS\x0a\0ISO_IR 100", "DICOM"),  # no preamble, no file meta information
        (b"\x08\0\x05\0\x0a\0\0\0ISO_IR 100", "DICOM"),  # the same in implicit VR
        (b"\x08\0\x08\0\x10\0\0\0DERIVED\\PRIMARY ", "DICOM"),
        (b"\x08\0\x16\0\x1a\0\0\0001.2.840.10008.5.1.4", "DICOM"),
    ],
)
def test_kinds_that_are_taken(data: bytes, kind: str) -> None:
    assert find_format(data).name == kind


@pytest.mark.parametrize(
    ("data", "error", "found"),
    [
        (b"%PDF-1.7\n", UnsupportedImage, "PDF"),
        (b"GIF89a", UnsupportedImage, "GIF"),
        (b"BM\x36\x10\0\0\0\0\0\0", UnsupportedImage, "BMP"),
        (FTYP + b"heic", UnsupportedImage, "HEIC"),
        (FTYP + b"avif", UnsupportedImage, "AVIF"),
        (FTYP + b"isom", UnsupportedImage, "video"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", UnsupportedImage, "JPEG 2000"),
        (b"\x5c\1\0\0" + bytes(340) + b"n+1\0", UnsupportedImage, "NIfTI"),
        (b"PK\3\4", UnsupportedImage, "ZIP"),
        (gzip.compress(b"nii"), UnsupportedImage, "gzip"),
        (b"", InvalidImage, "empty"),
        (b"<!DOCTYPE html><html>404", InvalidImage, "HTML"),
        (b"<?xml version='1.0'?><svg/>", InvalidImage, "SVG"),
        (b'{"data": "..."}', InvalidImage, "JSON"),
        (b"iVBORw0KGgoAAAANSUhEUg", InvalidImage, "base64"),
        (b"data:image/png;base64,iVBO", InvalidImage, "base64"),
        (b"chest.png\n", InvalidImage, "text"),
        (b"\x01\x02\x03\xff" * 9, InvalidImage, "01 02 03 ff"),
        (b"\x02\0\x10\0garbage \xff", InvalidImage, "no known"),  # group 2, but no element
        (b"\x08\0\x08\0" + bytes(30), InvalidImage, "no known"),  # group 8, but no explicit VR
    ],
)
def test_other_files_are_named(data: bytes, error: type[RequestError], found: str) -> None:
    with pytest.raises(error, match=found) as raised:
        find_format(data)
    assert "send a PNG, JPEG, WebP, TIFF or DICOM file" in str(raised.value)


def test_a_format_is_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, toy_format.ROW))
    toy = b"TOY\x08\x0a" + bytes(range(80))
    assert declared_pixels(toy) == 80
    xray = read_xray(toy, 16)
    assert (xray.format, xray.width, xray.height) == ("TOY", 8, 10)
    np.testing.assert_allclose(xray.pixels.ravel(), np.arange(80) / 255, atol=1e-6)
    assert xray.warnings[0] == "a toy"
    with pytest.raises(InvalidImage, match="found 75 samples, need 80"):
        read_image(toy[:-5])
    with pytest.raises(InvalidImage, match="the TOY file is damaged"):
        read_image(b"TOY")


def test_images_are_read_without_torch() -> None:
    code = "import sys, model_src.imaging.formats; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
