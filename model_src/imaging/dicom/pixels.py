"""The stored words of a DICOM image's one frame, whatever their compression."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from PIL import JpegImagePlugin
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.codestream import Coding, Shape, codestream_shape
from model_src.imaging.decoding import one_line
from model_src.imaging.gdcm_decoder import decode_with_gdcm
from model_src.imaging.jpeg_scans import check_scans

_NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)
_JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit)
_JPEG_LOSSLESS = (uid.JPEGLossless, uid.JPEGLosslessSV1)
_JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
_JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
_LOSSY = (uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K)
# The codestreams that each transfer syntax holds. One decoder reads each family, so that equal bytes give equal
# pixels whatever else is installed: JPEG of 8 bits is Pillow's, JPEG 2000 pylibjpeg-openjpeg's, the rest GDCM's.
_CODINGS = (
    dict.fromkeys(_JPEG, Coding.JPEG)
    | dict.fromkeys(_JPEG_LOSSLESS, Coding.JPEG_LOSSLESS)
    | dict.fromkeys(_JPEG_LS, Coding.JPEG_LS)
    | dict.fromkeys(_JPEG_2000, Coding.JPEG_2000)
)
_GDCM_SYNTAXES = {
    Coding.JPEG: uid.JPEGExtended12Bit,
    Coding.JPEG_LOSSLESS: uid.JPEGLosslessSV1,
    Coding.JPEG_LS: uid.JPEGLSLossless,
}
_MOST_BITS = 16
_ITEM = b"\xfe\xff\x00\xe0"  # the tag that encapsulated pixel data begins with

# What is taken.
TRANSFER_SYNTAXES = frozenset({*_NATIVE, uid.RLELossless, *_CODINGS})


@dataclass(frozen=True)
class Layout:
    """The Image Pixel module's account of the stored samples, corrected by what a codestream says of itself."""

    rows: int
    columns: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    samples: int = 1  # a pixel: 1 for gray and palettes, 3 for colour
    planar: bool = False  # colour in three planes, one after the other
    halved: bool = False  # two pixels share one pair of chroma samples (YBR_FULL_422, uncompressed)
    codestream: bool = False  # the words come from a codestream, which has no unused bits
    lossy: bool = False  # and may overshoot


def stored_words(ds: Dataset, layout: Layout, warnings: list[str]) -> tuple[np.ndarray, Layout]:
    """The words of the one frame, uint8 or uint16, (H, W) or (H, W, 3) in native byte order; and how they are laid out.

    Signed samples keep their bit pattern. `ds` needs its transfer syntax, one of TRANSFER_SYNTAXES.

    Raises:
        InvalidImage: transfer syntax, codestream and header contradict each other, or the pixels are damaged.
        UnsupportedImage: a precision that no decoder has.
    Other damage raises what the decoding library raises.
    """
    syntax = ds.file_meta.TransferSyntaxUID
    whole = layout.rows * layout.columns * layout.bits_allocated // 8
    itemised = ds.PixelData[:4] == _ITEM and (syntax.is_encapsulated or len(ds.PixelData) < whole)
    encapsulated = ds["PixelData"].is_undefined_length or itemised
    name = one_line(syntax.name, 48)
    if syntax.is_encapsulated and not encapsulated:
        raise InvalidImage(
            f"the transfer syntax is {name}, but the pixel data ({len(ds.PixelData)} bytes) is not compressed so; "
            "export the file again, uncompressed"
        )
    if syntax == uid.RLELossless:
        return _rle_words(ds, layout), layout
    if not encapsulated:
        return _native_words(ds, layout, warnings), layout
    frame = get_frame(ds.PixelData, 0, number_of_frames=1)
    try:
        shape = codestream_shape(frame)
    except InvalidImage:
        if syntax.is_encapsulated:
            raise
        raise InvalidImage(
            f"the transfer syntax is {name}, but the pixel data is compressed, with what it does not say; "
            "export the file again, uncompressed"
        ) from None
    if (expected := _CODINGS.get(syntax)) is not shape.coding:
        found = "uncompressed" if expected is None else name
        warnings.append(f"the transfer syntax is {found}, the pixels are {shape.coding.value}: read as what they are")
    _check_shape(shape, layout)
    lossy = shape.coding is Coding.JPEG or syntax in _LOSSY
    layout = replace(_by_codestream(shape, layout, warnings), codestream=True, lossy=lossy)
    return _decode(frame, shape, syntax, layout), layout


def _check_shape(shape: Shape, layout: Layout) -> None:
    """Refuse before decoding what the header does not announce: decoders allocate by the codestream."""
    if (shape.width, shape.height, shape.components) != (layout.columns, layout.rows, layout.samples):
        raise InvalidImage(
            f"the compressed pixels are {shape.width} x {shape.height} with {shape.components} components, "
            f"the DICOM header says {layout.columns} x {layout.rows} with {layout.samples}; export the file again"
        )
    if not 1 <= shape.bits <= _MOST_BITS:
        raise UnsupportedImage(f"found {shape.coding.value} with {shape.bits} bits; save it uncompressed with 16")


def _by_codestream(shape: Shape, layout: Layout, warnings: list[str]) -> Layout:
    """The layout of decoded words: a codestream knows its own depth and, in JPEG 2000, its sign."""
    stored, signed = layout.bits_stored, layout.signed
    if shape.bits < stored:
        warnings.append(f"the header says {stored} bits stored, the compressed pixels have {shape.bits}")
        # A sign bit at the header's depth cannot be set in fewer bits.
        stored, signed = shape.bits, False
    elif shape.bits > layout.bits_allocated:
        warnings.append(
            f"the header says {layout.bits_allocated} bits allocated, the compressed pixels have {shape.bits}"
        )
        stored = shape.bits
    if shape.signed and not layout.signed:
        warnings.append("the header says unsigned, the JPEG 2000 pixels are signed: read as signed")
    return replace(
        layout,
        bits_allocated=8 if shape.bits <= 8 else 16,
        bits_stored=stored,
        high_bit=stored - 1,  # codestreams hold the samples in their lowest bits
        signed=signed or shape.signed,
    )


def _decode(frame: bytes, shape: Shape, syntax: uid.UID, layout: Layout) -> np.ndarray:
    if shape.coding is Coding.JPEG_2000:
        syntax = syntax if syntax in _JPEG_2000 else uid.JPEG2000
        return _by_pydicom(frame, syntax, replace(layout, bits_stored=shape.bits), "pylibjpeg")
    check_scans(frame, shape.width, shape.height)
    if shape.coding is Coding.JPEG and shape.bits == 8:
        image = JpegImagePlugin.JpegImageFile(BytesIO(frame))
        image.load()
        return np.array(image)
    return decode_with_gdcm(frame, _GDCM_SYNTAXES[shape.coding], shape)


def _rle_words(ds: Dataset, layout: Layout) -> np.ndarray:
    return _by_pydicom(ds.PixelData, uid.RLELossless, layout, "pydicom")


def _by_pydicom(source: bytes, syntax: uid.UID, layout: Layout, plugin: str) -> np.ndarray:
    """Words decoded by pydicom: encapsulated pixel data, or one JPEG 2000 frame."""
    if syntax == uid.RLELossless:
        encapsulated = source
    else:
        encapsulated = _ITEM + bytes(4) + _ITEM + len(source).to_bytes(4, "little") + source
    options: Any = {
        "decoding_plugin": plugin,
        "rows": layout.rows,
        "columns": layout.columns,
        "number_of_frames": 1,
        "samples_per_pixel": layout.samples,
        "bits_allocated": layout.bits_allocated,
        "bits_stored": layout.bits_stored,
        "pixel_representation": int(layout.signed),
        "photometric_interpretation": "MONOCHROME2" if layout.samples == 1 else "RGB",
        "planar_configuration": 0,
        "pixel_keyword": "PixelData",
        "pixel_vr": "OB",
        "correct_unused_bits": False,  # done by the caller, who knows HighBit
    }
    words, _ = get_decoder(syntax).as_array(encapsulated, index=0, raw=True, **options)
    words = words.astype(words.dtype.newbyteorder("="), copy=False)
    return words.view(f"u{words.itemsize}")


def _native_words(ds: Dataset, layout: Layout, warnings: list[str]) -> np.ndarray:
    """Uncompressed words."""
    little = ds.original_encoding[1] is not False
    data, itemsize = ds.PixelData, layout.bits_allocated // 8
    pixels = layout.rows * layout.columns
    halved = layout.halved and len(data) < 3 * pixels
    count = 2 * pixels if halved else pixels * layout.samples
    needed = count * itemsize
    if len(data) < needed:
        raise InvalidImage(
            f"the DICOM file is damaged: found {len(data)} bytes of pixel data, need {needed} for {layout.columns} x "
            f"{layout.rows} pixels of {layout.bits_allocated} bits; export it again"
        )
    if len(data) >= 2 * needed > 2 * _MOST_BITS:
        raise InvalidImage(
            f"found {len(data)} bytes of pixel data, the header says {layout.columns} x {layout.rows} pixels of "
            f"{layout.bits_allocated} bits, which need {needed}; export the DICOM file again"
        )
    if len(data) > needed + 1 + layout.columns * itemsize:
        warnings.append(f"{len(data) - needed} bytes of pixel data more than the header says: the first are shown")
    if itemsize == 1 and not little and ds["PixelData"].VR == "OW":  # bytes swapped in pairs
        data = (
            np.frombuffer(data[: needed + needed % 2].ljust(needed + needed % 2, b"\0"), ">u2").astype("<u2").tobytes()
        )
    dtype = np.dtype(f"{'<' if little else '>'}u{itemsize}")
    words = np.frombuffer(data, dtype, count).astype(dtype.newbyteorder("="), copy=False)
    if halved:  # Y Y Cb Cr for two pixels
        both = words.reshape(layout.rows, layout.columns // 2, 4)
        luma = both[..., :2].reshape(layout.rows, layout.columns)
        return np.dstack([luma, both[..., 2].repeat(2, axis=1), both[..., 3].repeat(2, axis=1)])
    if layout.samples == 1:
        return words.reshape(layout.rows, layout.columns)
    if layout.planar:
        return np.moveaxis(words.reshape(layout.samples, layout.rows, layout.columns), 0, -1)
    return words.reshape(layout.rows, layout.columns, layout.samples)
