"""Chest radiographs in DICOM to gray pixels in [0, 1]: one frame of CR, DX, DR or RG, read by pydicom.

Taken: MONOCHROME1 and 2; 8 or 16 bits allocated, any bits stored, signed or not; native (implicit, explicit,
big-endian, deflated) or compressed as RLE, JPEG baseline, JPEG extended (8 bits), JPEG lossless, JPEG-LS,
JPEG 2000 or HTJ2K.

A sample has at most 16 bits, so everything between the stored value and its brightness (see
`gray_scale.brightness_table`) is computed once per possible value and looked up per pixel.
"""

from __future__ import annotations

import logging
import zlib
from io import BytesIO

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filereader import read_dataset
from pydicom.tag import BaseTag, Tag

from model_src.errors import ImageTooLarge, InvalidImage, UnsupportedImage
from model_src.imaging.decoding import MAX_PIXELS, check_pixel_count, one_line
from model_src.imaging.dicom.gray_scale import Samples, brightness_table, header_text
from model_src.imaging.dicom.parse import lacks_preamble
from model_src.imaging.dicom.pixels import TRANSFER_SYNTAXES, Layout, bit_patterns

# pydicom's log repeats what our errors say, and quotes header values, which may name a patient.
logging.getLogger("pydicom").setLevel(logging.CRITICAL)

# Plain radiographs: computed, digital, "DR" as some devices write, and digitised film.
_MODALITIES = ("CR", "DX", "DR", "RG")
_RADIOGRAPH_CLASSES = (
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
)

# The elements that are read: what the pixels need, and what tells a chest radiograph from other images.
# fmt: off
_TAGS: list[BaseTag | int] = [Tag(keyword) for keyword in (
    "SOPClassUID", "Modality", "PresentationIntentType", "BodyPartExamined", "ViewPosition",
    "SamplesPerPixel", "PhotometricInterpretation", "NumberOfFrames", "Rows", "Columns",
    "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "PixelPaddingValue",
    "PixelPaddingRangeLimit", "RescaleIntercept", "RescaleSlope", "ModalityLUTSequence",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "PresentationLUTShape",
    "FloatPixelData", "PixelData",
)]
# fmt: on
_PREAMBLE = 132  # bytes, with "DICM"

# Words in BodyPartExamined that may stand on a chest image, in the languages of common devices.
_CHEST_WORDS = ("CHEST", "THORAX", "TORAX", "LUNG", "RIB", "HEART", "POUMON", "STERNUM", "CLAVICLE")

# Inflated data sets hold the pixels and a header; more than that is no radiograph.
_LARGEST_DATA_SET = 2 * MAX_PIXELS + (16 << 20)
_BLOCK = 1 << 20  # samples looked up at a time: indexing makes 8-byte copies of its indices


def read_dicom(data: bytes, warnings: list[str]) -> np.ndarray:
    """Decode a whole DICOM file to float32 (H, W) in [0, 1], bright = dense (MONOCHROME2).

    Raises:
        InvalidImage: damaged, truncated or contradicting itself. ImageTooLarge: more than 64 megapixels.
        UnsupportedImage: no image, several frames, colour, another modality, or an unknown compression.
    Other damage raises what the library raises.
    """
    ds = _parse(data)
    _check_kind(ds)
    layout = _layout(ds)
    warnings += _doubts(ds)
    patterns = bit_patterns(ds, layout)
    used = _used_patterns(patterns, layout.bits_stored)
    table = brightness_table(ds, Samples(used, layout.bits_stored, layout.signed), warnings)
    return _look_up(table, patterns)


def dicom_size(data: bytes) -> tuple[int, int]:
    """Columns and rows by the header, without decoding pixels; raises what `read_dicom` does, or a library's error."""
    ds = _parse(data)
    return _integer(ds, "Columns"), _integer(ds, "Rows")


def _parse(data: bytes) -> Dataset:
    """The elements of `_TAGS`, without touching any other; pixel data stays encoded.

    pydicom.dcmread would inflate a deflated data set whatever its size, and accept any bytes when a file
    has no preamble.
    """
    stream = BytesIO(data)
    stream.seek(0 if lacks_preamble(data) else _PREAMBLE)
    meta = read_dataset(stream, is_implicit_VR=False, is_little_endian=True, stop_when=_after_meta)
    syntax = uid.UID(meta.get("TransferSyntaxUID") or _guess_syntax(data[stream.tell() :][:6]))
    if syntax not in TRANSFER_SYNTAXES:
        name = one_line(syntax.name, 64)
        raise UnsupportedImage(f"found DICOM transfer syntax {name}; save it uncompressed")
    if syntax == uid.DeflatedExplicitVRLittleEndian:
        stream = BytesIO(_inflate(data[stream.tell() :]))
    ds = read_dataset(stream, syntax.is_implicit_VR, syntax.is_little_endian, specific_tags=_TAGS)
    ds.set_original_encoding(syntax.is_implicit_VR, syntax.is_little_endian)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    return ds


def _after_meta(tag: int, vr: str | None, length: int) -> bool:
    """True at the first element that is not file meta information (group 2)."""
    return tag >> 16 != 2


def _guess_syntax(first: bytes) -> uid.UID:
    """The transfer syntax of a data set whose file does not say: explicit VR shows by its letters."""
    return uid.ExplicitVRLittleEndian if first[4:6].isalpha() else uid.ImplicitVRLittleEndian


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = inflater.decompress(data, _LARGEST_DATA_SET)
    if inflater.unconsumed_tail:
        raise ImageTooLarge(f"the deflated DICOM exceeds {_LARGEST_DATA_SET >> 20} MiB; send it smaller")
    return inflated


def _check_kind(ds: Dataset) -> None:
    """Refuse what is no single-frame grayscale radiograph."""
    if not ds:
        raise InvalidImage("the DICOM file holds no elements; export it again")
    modality = header_text(ds, "Modality")
    if modality not in _MODALITIES and not (modality == "" and ds.get("SOPClassUID") in _RADIOGRAPH_CLASSES):
        raise UnsupportedImage(
            f"found DICOM modality {modality[:16] or 'none'}, need a radiograph ({', '.join(_MODALITIES)})"
        )
    if "PixelData" not in ds:
        if "Rows" in ds and "FloatPixelData" not in ds:
            raise InvalidImage("the DICOM file ends before its pixel data; export it again")
        raise UnsupportedImage("found DICOM without integer pixel data; send the image object of the study")
    frames = header_text(ds, "NumberOfFrames")
    if frames.lstrip("0") not in ("", "1"):
        raise UnsupportedImage(f"found DICOM of {frames[:16]} frames; send a single-frame image")
    photometric = header_text(ds, "PhotometricInterpretation")
    if photometric not in ("MONOCHROME1", "MONOCHROME2") or _integer(ds, "SamplesPerPixel", 1) != 1:
        found = photometric[:16] or "no photometric interpretation"
        raise UnsupportedImage(f"found DICOM with {found}, need MONOCHROME1 or MONOCHROME2")


def _layout(ds: Dataset) -> Layout:
    rows, columns = _integer(ds, "Rows"), _integer(ds, "Columns")
    check_pixel_count(columns, rows)
    allocated = _integer(ds, "BitsAllocated")
    if allocated not in (8, 16):
        raise UnsupportedImage(f"found DICOM with {allocated} bits allocated per sample, need 8 or 16")
    stored = _integer(ds, "BitsStored", allocated)
    if not 1 <= stored <= allocated:
        raise InvalidImage(f"found {stored} bits stored in {allocated} allocated; export the DICOM again")
    high = _integer(ds, "HighBit", stored - 1)
    high = high if stored - 1 <= high < allocated else stored - 1
    return Layout(rows, columns, allocated, stored, high, signed=_integer(ds, "PixelRepresentation", 0) == 1)


def _integer(ds: Dataset, keyword: str, default: int | None = None) -> int:
    value = ds.get(keyword)
    value = default if value is None else value
    if not isinstance(value, int):
        raise InvalidImage(f"{keyword} in the DICOM header is missing or no number; export it again")
    return value


def _doubts(ds: Dataset) -> list[str]:
    """What makes a radiograph unlike those the networks are trained on; quotes nothing personal."""
    said = []
    part = header_text(ds, "BodyPartExamined")
    if part and not any(word in part for word in _CHEST_WORDS):
        said.append(f"body part examined is {part[:16]}, not the chest")
    view = header_text(ds, "ViewPosition")
    if view and not view.startswith(("PA", "AP")):
        said.append(f"view position is {view[:16]}, not frontal (PA or AP)")
    if header_text(ds, "PresentationIntentType") == "FOR PROCESSING":
        said.append("raw detector data (FOR PROCESSING): its gray values are not meant for viewing")
    shape = header_text(ds, "PresentationLUTShape")
    photometric = header_text(ds, "PhotometricInterpretation")
    if shape and (shape == "INVERSE") != (photometric == "MONOCHROME1"):
        # In image objects the shape repeats the photometric interpretation (PS3.3 C.8.11.3.1.2).
        said.append(f"PresentationLUTShape {shape[:16]} contradicts {photometric}, which is followed")
    return said


def _used_patterns(patterns: np.ndarray, bits: int) -> np.ndarray:
    """Which bit patterns occur, bool (2**bits,)."""
    used = np.zeros(1 << bits, dtype=bool)
    flat = patterns.ravel()
    for start in range(0, flat.size, _BLOCK):
        used[flat[start : start + _BLOCK]] = True
    return used


def _look_up(table: np.ndarray, patterns: np.ndarray) -> np.ndarray:
    """`table[patterns]`, float32 (H, W)."""
    flat = patterns.ravel()
    pixels = np.empty(flat.size, dtype=np.float32)
    for start in range(0, flat.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        np.take(table, flat[block], out=pixels[block], mode="clip")
    return pixels.reshape(patterns.shape)
