"""What a file is, by its first bytes (names and content types that come with a request are often wrong)."""

from __future__ import annotations

import re

from model_src.errors import InvalidImage, RequestError, UnsupportedImage

ACCEPTED = "send a PNG, JPEG, WebP, TIFF or DICOM file"

# The formats that are taken, each with the signature that opens it.
_SIGNATURES = (
    # First, because DICOM's preamble is free, and whole-slide files put a TIFF header there.
    ("DICOM", re.compile(rb".{128}DICM", re.DOTALL)),
    ("PNG", re.compile(rb"\x89PNG\r\n\x1a\n")),
    ("JPEG", re.compile(rb"\xff\xd8\xff")),
    ("WEBP", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    ("TIFF", re.compile(rb"II[*+]\x00|MM\x00[*+]")),
)

# DICOM without the 128-byte preamble, as some archives store it. Two bytes would be too weak a sign, so
# the first element must be one that can only stand there: the length of the file meta group, or one of
# group 8, in explicit VR (group length, character set, image type, date, time, SOP class) or in implicit VR
# with the values that these have.
_BARE_DICOM = re.compile(
    rb"\x02\x00\x00\x00UL\x04\x00"
    rb"|\x08\x00(?:\x00\x00UL\x04\x00|\x05\x00CS|\x08\x00CS|\x12\x00DA|\x13\x00TM|\x16\x00UI)"
    rb"|\x08\x00(?:\x05\x00.\x00{3}ISO[ _]|\x08\x00.\x00{3}(?:ORIGINAL|DERIVED)\\|\x16\x00.\x00{3}1\.2\.840\.10008\.)",
    re.DOTALL,
)

# Readable files of kinds that are not taken: name and signature.
_OTHERS = (
    ("a PDF document", re.compile(rb"\s{0,8}%PDF-")),
    ("a GIF, a format for animations", re.compile(rb"GIF8[79]a")),
    ("a BMP picture", re.compile(rb"BM.{4}\x00\x00\x00\x00", re.DOTALL)),
    ("a HEIC picture", re.compile(rb".{4}ftyp(?:heic|heix|heim|heis|hevc|mif1|msf1)", re.DOTALL)),
    ("an AVIF picture", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("a video", re.compile(rb".{4}ftyp|RIFF.{4}AVI |\x1aE\xdf\xa3", re.DOTALL)),
    ("a JPEG 2000 picture", re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51")),
    ("a JPEG XL picture", re.compile(rb"\xff\x0a|\x00\x00\x00\x0cJXL ")),
    ("a NIfTI volume", re.compile(rb"(?:\x5c\x01\x00\x00|\x00\x00\x01\x5c).{340}n(?:i1|\+1)\x00", re.DOTALL)),
    ("an NRRD volume", re.compile(rb"NRRD000")),
    ("an HDF5 file", re.compile(rb"\x89HDF\r\n")),
    ("a NumPy array", re.compile(rb"\x93NUMPY")),
    ("a ZIP archive", re.compile(rb"PK(?:\x03\x04|\x05\x06)")),
    ("a gzip archive", re.compile(rb"\x1f\x8b\x08")),
    ("a 7-Zip archive", re.compile(rb"7z\xbc\xaf\x27\x1c")),
    ("a PostScript document", re.compile(rb"%!PS")),
)

# Text where an image should be is mostly an error page or a path: no image at all, rather than another kind.
_TEXTS = (
    ("an HTML page", re.compile(rb"\s*<(?:!doctype html|html|head|body)", re.IGNORECASE)),
    ("XML or SVG text", re.compile(rb"\s*<(?:\?xml|svg)", re.IGNORECASE)),
    ("JSON text", re.compile(rb"\s*[{\[]\s*[\"{\[\d]")),
    ("base64 text", re.compile(rb"data:[\w/+.-]+;base64,|iVBORw0KGgo|/9j/[24]")),
)
_PLAIN_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]+")
_LONGEST_SIGNATURE = 512


def file_kind(data: bytes) -> str:
    """The format of a file that is taken: "PNG", "JPEG", "WEBP", "TIFF" or "DICOM".

    Raises:
        InvalidImage: empty, text, or bytes of no known kind.
        UnsupportedImage: a readable file of another kind (PDF, GIF, ZIP, HEIC, NIfTI, ...).
    """
    head = data[:_LONGEST_SIGNATURE]
    for kind, signature in _SIGNATURES:
        if signature.match(head):
            return kind
    if lacks_preamble(head):
        return "DICOM"
    raise _refusal(head)


def lacks_preamble(data: bytes) -> bool:
    """True for DICOM that begins with its first element instead of the preamble and "DICM"."""
    return _BARE_DICOM.match(data) is not None


def _refusal(head: bytes) -> RequestError:
    """The error for a file that is none of the formats taken."""
    if not head:
        return InvalidImage(f"the image is empty (0 bytes); {ACCEPTED}")
    for name, signature in _OTHERS:
        if signature.match(head):
            return UnsupportedImage(f"found {name}; {ACCEPTED}")
    for name, signature in _TEXTS:
        if signature.match(head):
            return InvalidImage(f"found {name}, not an image; {ACCEPTED}")
    if _PLAIN_TEXT.fullmatch(head):
        return InvalidImage(f"found text, not an image; {ACCEPTED}")
    return InvalidImage(f"found bytes of no known image format (first: {head[:8].hex(' ')}); {ACCEPTED}")
