"""The stored samples of a single-frame grayscale DICOM image, whatever their compression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.codestream import Shape, codestream_shape
from model_src.imaging.gdcm_decoder import decode_with_gdcm
from model_src.imaging.jpeg_scans import check_scans

# The decoder of each transfer syntax: one, named, so that equal bytes give equal pixels whatever else is
# installed ("" is pydicom itself).
_PLUGINS = {
    uid.ImplicitVRLittleEndian: "",
    uid.ExplicitVRLittleEndian: "",
    uid.ExplicitVRBigEndian: "",
    uid.DeflatedExplicitVRLittleEndian: "",
    uid.RLELossless: "pydicom",
    uid.JPEGBaseline8Bit: "pillow",
    uid.JPEGExtended12Bit: "pillow",
    uid.JPEG2000Lossless: "pylibjpeg",
    uid.JPEG2000: "pylibjpeg",
    uid.HTJ2KLossless: "pylibjpeg",
    uid.HTJ2KLosslessRPCL: "pylibjpeg",
    uid.HTJ2K: "pylibjpeg",
}
_BY_GDCM = (uid.JPEGLossless, uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEGLSNearLossless)

# What is taken.
TRANSFER_SYNTAXES = frozenset({*_PLUGINS, *_BY_GDCM})


@dataclass(frozen=True)
class Layout:
    """The Image Pixel module's account of the stored samples."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool


def bit_patterns(ds: Dataset, layout: Layout) -> np.ndarray:
    """The stored samples as unsigned integers of `bits_stored` bits, uint8 or uint16 (H, W).

    Signed samples keep their bit pattern. `ds` needs its transfer syntax, which is one of TRANSFER_SYNTAXES.

    Raises:
        InvalidImage: the codestream contradicts the header, or cannot be decoded.
        UnsupportedImage: a precision that the decoder does not have.
    Other damage raises what the decoding library raises.
    """
    syntax = ds.file_meta.TransferSyntaxUID
    in_codestream = syntax.is_encapsulated and syntax != uid.RLELossless  # which has no header of its own
    if in_codestream:
        frame = get_frame(ds.PixelData, 0, number_of_frames=1)
        shape = _checked_shape(frame, syntax, layout)
    samples = decode_with_gdcm(frame, syntax, shape) if syntax in _BY_GDCM else _decode_here(ds, syntax, layout)
    if samples.itemsize == 1 and layout.bits_stored > 8:  # a codestream of fewer bits than the header says
        samples = samples.astype(f"{samples.dtype.kind}2")
    patterns = samples.view(f"u{samples.itemsize}")
    # Codestreams hold the samples in their lowest bits.
    if shift := 0 if in_codestream else layout.high_bit + 1 - layout.bits_stored:
        patterns = patterns >> shift
    highest = (1 << layout.bits_stored) - 1
    if in_codestream and not layout.signed:
        return np.minimum(patterns, highest)  # a codestream has no unused bits: more is brighter than white
    return patterns & highest


def _checked_shape(frame: bytes, syntax: uid.UID, layout: Layout) -> Shape:
    """What the decoder will allocate, after comparing it with the header."""
    shape = codestream_shape(frame)
    if (shape.width, shape.height, shape.components) != (layout.columns, layout.rows, 1):
        raise InvalidImage(
            f"the compressed pixels are {shape.width} x {shape.height} with {shape.components} components, "
            f"the DICOM header says {layout.columns} x {layout.rows} with 1; export the file again"
        )
    if shape.bits > (8 if syntax == uid.JPEGExtended12Bit else 16):
        raise UnsupportedImage(
            f"found {syntax.name[:32]} with {shape.bits} bits, which cannot be decoded; save it uncompressed"
        )
    if _PLUGINS.get(syntax) == "pillow":
        check_scans(frame, shape.width, shape.height)
    return shape


def _decode_here(ds: Dataset, syntax: uid.UID, layout: Layout) -> np.ndarray:
    """Samples (H, W) in native byte order, decoded by pydicom."""
    options: Any = {
        "decoding_plugin": _PLUGINS[syntax],
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": 1,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "pixel_representation": int(layout.signed),
        "photometric_interpretation": "MONOCHROME2",
        "pixel_keyword": "PixelData",
        "pixel_vr": ds["PixelData"].VR,
        "correct_unused_bits": False,  # done by the caller, who knows HighBit
        "view_only": not syntax.is_encapsulated,
    }
    samples, _ = get_decoder(syntax).as_array(ds.PixelData, index=0, raw=True, **options)
    return samples.astype(samples.dtype.newbyteorder("="), copy=False)
