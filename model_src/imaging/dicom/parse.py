"""DICOM files to their elements: where the data set begins and how it is encoded, whatever the file leaves out.

A file should begin with 128 bytes of preamble, "DICM", and file meta information that names the transfer syntax.
Old archives leave out some or all of it; then the first elements themselves tell how they are encoded.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Sequence
from io import BytesIO

from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from model_src.errors import ImageTooLarge, InvalidImage, UnsupportedImage
from model_src.imaging.decoding import MAX_PIXELS, one_line
from model_src.imaging.dicom.pixels import TRANSFER_SYNTAXES

# pydicom's log repeats what our errors say, and quotes header values, which may name a patient.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

# The elements that are read: what the pixels need, and what tells a chest radiograph from other images.
# fmt: off
_TAGS: list[BaseTag | int] = [Tag(keyword) for keyword in (
    "SpecificCharacterSet", "SOPClassUID", "Modality", "PresentationIntentType", "BodyPartExamined", "ViewPosition",
    "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "PresentationLUTShape",
    "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData",
    "GreenPaletteColorLookupTableData", "BluePaletteColorLookupTableData",
    "FloatPixelData", "PixelData",
)]
# fmt: on
OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
OVERLAY_BITS_ALLOCATED, OVERLAY_BIT_POSITION = 0x0100, 0x0102
_TAGS += [Tag(group, element) for group in OVERLAY_GROUPS for element in (OVERLAY_BITS_ALLOCATED, OVERLAY_BIT_POSITION)]
_PIXEL_DATA = Tag("PixelData")

_PREAMBLE = 128  # bytes
_MAGIC = b"DICM"
_META, _DIRECTORY, _IDENTIFYING = 2, 4, 8  # groups that a file may begin with
_ENCODINGS = ((False, True), (True, True), (False, False), (True, False))  # implicit VR, little endian
_LONG_VRS = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_VRS = _LONG_VRS | {
    b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FL", b"FD", b"IS", b"LO", b"LT", b"PN", b"SH", b"SL", b"SS",
    b"ST", b"TM", b"UI", b"UL", b"US",
}  # fmt: skip
_LONGEST_FIRST = 1024  # bytes of the values at a data set's beginning
_UNDEFINED = 0xFFFFFFFF
_HEAD = 512  # bytes that are looked at

# Inflated data sets hold the pixels and a header; more than that is no radiograph.
_LARGEST_DATA_SET = 2 * MAX_PIXELS + (16 << 20)

# What pydicom's dictionary lacks.
_OTHER_SYNTAXES = {
    "1.2.840.10008.1.2.4.110": "JPEG XL Lossless",
    "1.2.840.10008.1.2.4.111": "JPEG XL JPEG Recompression",
    "1.2.840.10008.1.2.4.112": "JPEG XL",
}


def is_dicom(head: bytes) -> bool:
    """True for the first 512 bytes of a DICOM file, with or without preamble and file meta information."""
    start = _start(head)
    return start > 0 or _encoding(head) is not None


def parse_dicom(data: bytes, warnings: list[str], keywords: Sequence[str] | None = None) -> Dataset:
    """The elements that are needed, without touching any other; pixel data stays encoded.

    `keywords` names other elements than those that the pixels need.

    `file_meta` has the transfer syntax, and the object's class and UID (if it names them); `original_encoding` is how
    the data set is really encoded. pydicom.dcmread would inflate a deflated data set whatever its size, and accept any
    bytes when a file has no preamble.

    Raises:
        UnsupportedImage: a DICOMDIR, or a transfer syntax that is not taken.
        ImageTooLarge: a deflated data set that is too large.
    Damage raises what pydicom raises.
    """
    stream = BytesIO(data)
    stream.seek(_start(data))
    meta = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=_after_meta)
    body_at = stream.tell()
    body = data[body_at : body_at + _HEAD]
    media_class = str(meta.get("MediaStorageSOPClassUID") or "")
    if media_class == uid.MediaStorageDirectoryStorage or body[:2] in (b"\4\0", b"\0\4"):
        raise UnsupportedImage("found a DICOMDIR, the directory of a disc, not an image; send the files it lists")

    syntax = uid.UID(meta.get("TransferSyntaxUID") or "")
    found = _encoding(body)
    if not syntax:
        implicit, little = found or (not body[4:6].isalpha(), True)
        syntax = uid.ImplicitVRLittleEndian if implicit else uid.ExplicitVRLittleEndian
        syntax = syntax if little else uid.ExplicitVRBigEndian
    elif syntax not in TRANSFER_SYNTAXES:
        name = one_line(_OTHER_SYNTAXES.get(syntax, syntax.name), 64)
        raise UnsupportedImage(f"found DICOM transfer syntax {name}; save it uncompressed")
    elif syntax == uid.DeflatedExplicitVRLittleEndian and found is None:
        stream, body_at, implicit, little = BytesIO(_inflate(data[body_at:])), 0, False, True
    else:
        implicit, little = found or (syntax.is_implicit_VR, syntax.is_little_endian)
        if little != syntax.is_little_endian:
            order = "little" if little else "big"
            warnings.append(f"the transfer syntax is {one_line(syntax.name, 64)}, the data set is {order} endian")

    others: list[BaseTag | int] = [Tag(keyword) for keyword in (*(keywords or ()), "SpecificCharacterSet")]
    ds = _read(stream, body_at, implicit, little, _TAGS if keywords is None else others)
    ds.set_original_encoding(implicit, little)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.MediaStorageSOPClassUID = uid.UID(media_class)
    ds.file_meta.MediaStorageSOPInstanceUID = uid.UID(str(meta.get("MediaStorageSOPInstanceUID") or ""))
    return ds


def _start(data: bytes) -> int:
    """Where the first element is: after "DICM", which mostly follows a preamble; 0 when nothing comes first."""
    for at in (_PREAMBLE, 0):
        if data[at : at + len(_MAGIC)] == _MAGIC:
            return at + len(_MAGIC)
    if not any(data[:_PREAMBLE]) and _encoding(data[_PREAMBLE : _PREAMBLE + _HEAD]) is not None:
        return _PREAMBLE
    return 0


def _encoding(head: bytes) -> tuple[bool, bool] | None:
    """Implicit VR and little endian, as the first elements of a data set show; None when they are no elements."""
    return next((encoding for encoding in _ENCODINGS if _begins_data_set(head, *encoding)), None)


def _begins_data_set(head: bytes, implicit: bool, little: bool) -> bool:
    """True when the first three elements (as far as they are there) are plausible in this encoding.

    Two bytes would be too weak a sign, so groups, order, VRs, lengths, and in implicit VR the values are looked at.
    """
    order = "<" if little else ">"
    at, last = 0, -1
    for number in range(3):
        if at + 8 > len(head):
            return number > 0
        group, element = struct.unpack_from(f"{order}HH", head, at)
        if group << 16 | element <= last or (number == 0 and group not in (_META, _DIRECTORY, _IDENTIFYING)):
            return False
        last = group << 16 | element
        vr, start = head[at + 4 : at + 6], at + 8
        if implicit:
            (length,) = struct.unpack_from(f"{order}I", head, at + 4)
        elif vr not in _VRS:
            return False
        elif vr in _LONG_VRS:
            if at + 12 > len(head):
                return number > 0
            (length,) = struct.unpack_from(f"{order}I", head, at + 8)
            start = at + 12
        else:
            (length,) = struct.unpack_from(f"{order}H", head, at + 6)
        if length == _UNDEFINED:
            return number > 0
        if length > _LONGEST_FIRST or (element == 0 and length != 4):
            return False
        if implicit and number == 0 and element != 0 and not _is_text(head[start : start + length]):
            return False
        at = start + length
    return True


def _is_text(value: bytes) -> bool:
    return all(byte >= 0x20 for byte in value.rstrip(b"\0"))


def _after_meta(tag: int, vr: str | None, length: int) -> bool:
    """True at the first element that is not file meta information."""
    return tag >> 16 != _META


def _read(stream: BytesIO, start: int, implicit: bool, little: bool, tags: list[BaseTag | int]) -> Dataset:
    """The elements of these tags up to the pixel data.

    What follows is of no use, and is often no element: archives fill files up to a whole block.
    """
    seen = False

    def after_pixels(tag: int, vr: str | None, length: int) -> bool:
        nonlocal seen
        if seen:
            return True
        seen = tag == _PIXEL_DATA
        return False

    stream.seek(start)
    ds = read_dataset(stream, implicit, little, stop_when=after_pixels, specific_tags=tags)
    if seen and "Rows" not in ds:  # elements out of order
        stream.seek(start)
        ds = read_dataset(stream, implicit, little, specific_tags=tags)
    return ds


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflated = inflater.decompress(data, _LARGEST_DATA_SET)
    except zlib.error as error:
        raise InvalidImage(f"the deflated DICOM data set is damaged ({error}); export the file again") from error
    if inflater.unconsumed_tail:
        raise ImageTooLarge(f"the deflated DICOM exceeds {_LARGEST_DATA_SET >> 20} MiB; send it smaller")
    return inflated
