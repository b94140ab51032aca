"""The stored samples of a single-frame grayscale DICOM image, whatever their compression."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.codestream import Shape, codestream_shape
from model_src.imaging.decoding import one_line
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
_GDCM_PROCESS = Path(__file__).with_name("gdcm_process.py")
_GDCM_SECONDS = 10.0
# What GDCM's JPEG library says when it fills in pixels that the file lacks.
_DAMAGE = re.compile("Premature end|Corrupt JPEG data: (?!.*extraneous bytes)")

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
    samples = _decode_apart(frame, syntax, shape) if syntax in _BY_GDCM else _decode_here(ds, syntax, layout)
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


def _decode_apart(frame: bytes, syntax: uid.UID, shape: Shape) -> np.ndarray:
    """Samples (H, W), decoded by GDCM in a process of its own, for about 0.1 s more (see gdcm_process.py)."""
    numbers = (shape.width, shape.height, shape.bits)
    try:
        finished = subprocess.run(
            [sys.executable, str(_GDCM_PROCESS), str(syntax), *map(str, numbers)],
            input=frame,
            capture_output=True,
            check=False,
            timeout=_GDCM_SECONDS,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
    except subprocess.TimeoutExpired:  # its own message would tell the caller this machine's paths
        raise InvalidImage(
            f"the compressed pixels take over {_GDCM_SECONDS:.0f} s to decode; save the file uncompressed"
        ) from None
    said = finished.stderr.decode("utf-8", "replace").strip().splitlines()
    damage = [line for line in said if _DAMAGE.search(line)]
    if finished.returncode or damage:
        reason = one_line((damage or said or [f"status {finished.returncode}"])[-1])
        raise InvalidImage(f"the compressed pixels cannot be decoded ({reason}); export the file again")
    samples = np.frombuffer(finished.stdout, np.uint8 if shape.bits <= 8 else np.dtype("<u2"))
    return samples.reshape(shape.height, shape.width)
