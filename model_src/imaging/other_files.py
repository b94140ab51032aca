"""What a file is that is no image of a format taken, so that the error can name it."""

from __future__ import annotations

import re

from model_src.errors import InvalidImage, RequestError, UnsupportedImage

ACCEPTED = "send a PNG, JPEG, WebP, TIFF or DICOM file"

# Readable files of formats that are not taken: name and signature.
_OTHERS = (
    ("a PDF document", re.compile(rb"\s{0,8}%PDF-")),
    ("a GIF, a format for animations", re.compile(rb"GIF8[79]a")),
    ("a BMP picture", re.compile(rb"BM.{4}\x00\x00\x00\x00", re.DOTALL)),
    ("a HEIC picture", re.compile(rb".{4}ftyp(?:heic|heix|heim|heis|hevc|mif1|msf1)", re.DOTALL)),
    ("an AVIF picture", re.compile(rb".{4}ftypavi[fs]", re.DOTALL)),
    ("a video", re.compile(rb".{4}ftyp|RIFF.{4}AVI |\x1aE\xdf\xa3", re.DOTALL)),
    # High throughput (HTJ2K) is JPEG 2000 with a capabilities segment, or the brand of its own file format.
    (
        "an HTJ2K picture (high-throughput JPEG 2000)",
        re.compile(rb"\x00\x00\x00\x0cjP  .{8}ftypjph |\xff\x4f\xff\x51\x00.{2,500}?\xff\x50\x00", re.DOTALL),
    ),
    ("a JPEG 2000 picture", re.compile(rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51")),
    ("a JPEG XL picture", re.compile(rb"\xff\x0a|\x00\x00\x00\x0cJXL ")),
    ("a JPEG XR picture", re.compile(rb"II\xbc\x01")),
    ("a PNM picture (PGM, PPM, PBM or PAM)", re.compile(rb"P[1-7]\s")),
    ("a MetaImage (MHA or MHD)", re.compile(rb"(?:Comment|ObjectType|NDims)[ \t]*=", re.IGNORECASE)),
    ("a NIfTI volume", re.compile(rb"(?:\x5c\x01\x00\x00|\x00\x00\x01\x5c).{340}n(?:i1|\+1)\x00", re.DOTALL)),
    ("an NRRD volume", re.compile(rb"NRRD000")),
    ("an HDF5 file", re.compile(rb"\x89HDF\r\n")),
    ("a MATLAB file", re.compile(rb"MATLAB 5\.0 MAT-file")),
    ("a NumPy array", re.compile(rb"\x93NUMPY")),
    ("a Photoshop document", re.compile(rb"8BPS\x00[\x01\x02]")),
    ("an OpenEXR picture", re.compile(rb"\x76\x2f\x31\x01")),
    ("a ZIP archive", re.compile(rb"PK(?:\x03\x04|\x05\x06)")),
    ("a gzip archive", re.compile(rb"\x1f\x8b\x08")),
    ("a 7-Zip archive", re.compile(rb"7z\xbc\xaf\x27\x1c")),
    ("a RAR archive", re.compile(rb"Rar!\x1a\x07")),
    ("a PostScript document", re.compile(rb"%!PS")),
)

# An answer over HTTP, saved with its envelope: the head of a part names what is inside.
_ENVELOPE = re.compile(
    rb"\s*(?:HTTP/[\d.]+ \d{3}[^\n]*\n|MIME-Version:|Content-Type:\s*multipart/"
    rb"|--[^\s][^\r\n]{0,200}\r?\n(?:[\w-]+:[^\n]*\n)*?Content-[\w-]+:)",
    re.IGNORECASE,
)

# Text where an image should be is mostly an error page or a path: no image at all, rather than another format.
_TEXTS = (
    ("an HTML page", re.compile(rb"\s*<(?:!doctype html|html|head|body)", re.IGNORECASE)),
    ("XML or SVG text", re.compile(rb"\s*<(?:\?xml|svg)", re.IGNORECASE)),
    ("JSON text", re.compile(rb"\s*[{\[]\s*[\"{\[\d]")),
    ("base64 text", re.compile(rb"data:[\w/+.-]+;base64,|iVBORw0KGgo|/9j/[24]")),
)
_PLAIN_TEXT = re.compile(rb"[\t\n\r\x20-\x7e]+")


def refusal(head: bytes) -> RequestError:
    """The error for a file, by its first bytes (some 512), that is none of the formats taken."""
    if not head:
        return InvalidImage(f"the image is empty (0 bytes); {ACCEPTED}")
    for name, signature in _OTHERS:
        if signature.match(head):
            return UnsupportedImage(f"found {name}; {ACCEPTED}")
    if _ENVELOPE.match(head):
        inside = " of DICOMweb" if b"application/dicom" in head.lower() else ""
        return UnsupportedImage(
            f"found a multipart answer{inside} saved with its HTTP headers; save each part as a file of its own"
        )
    for name, signature in _TEXTS:
        if signature.match(head):
            return InvalidImage(f"found {name}, not an image; {ACCEPTED}")
    if _PLAIN_TEXT.fullmatch(head):
        return InvalidImage(f"found text, not an image; {ACCEPTED}")
    return InvalidImage(f"found bytes of no known image format (first: {head[:8].hex(' ')}); {ACCEPTED}")
