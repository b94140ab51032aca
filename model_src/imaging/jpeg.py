"""JPEG pictures: 8 bits by Pillow; 12 to 16 bits and lossless ones, as they lie in DICOM files, by GDCM."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import JpegImagePlugin
from pydicom import uid

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.codestream import Coding, Shape, codestream_shape
from model_src.imaging.decoding import check_pixel_count, full_scale, scale_samples
from model_src.imaging.gdcm_decoder import decode_with_gdcm
from model_src.imaging.jpeg_scans import check_scans
from model_src.imaging.picture import gray_pixels

_OVERSHOOT = 1 / 16  # of the range


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height by the frame header."""
    shape = codestream_shape(data)
    return shape.width, shape.height


def read_jpeg(data: bytes, warnings: list[str]) -> np.ndarray:
    """Decode a JPEG to float32 (H, W) in [0, 1] (see `picture.gray_pixels`).

    Raises:
        InvalidImage, ImageTooLarge: as all pictures.
        UnsupportedImage: JPEG-LS, colour of more than 8 bits, or too many scans.
    """
    try:
        shape = codestream_shape(data)
    except InvalidImage:  # Pillow finds its way through stray bytes between segments
        shape = Shape(0, 0, 1, 8)
    if shape.coding is Coding.JPEG_LS:
        raise UnsupportedImage("found a JPEG-LS picture, not JPEG; save it as PNG, or send the DICOM file it came from")
    if shape.coding is Coding.JPEG and shape.bits == 8:
        image = JpegImagePlugin.JpegImageFile(BytesIO(data))
        check_pixel_count(*image.size)
        check_scans(data, *image.size)
        return gray_pixels(image, warnings)
    name = "lossless JPEG" if shape.coding is Coding.JPEG_LOSSLESS else "JPEG"
    if shape.components != 1:
        raise UnsupportedImage(
            f"found a {name} of {shape.components} components and {shape.bits} bits; save it as gray PNG"
        )
    check_pixel_count(shape.width, shape.height)
    check_scans(data, shape.width, shape.height)
    syntax = uid.JPEGLosslessSV1 if shape.coding is Coding.JPEG_LOSSLESS else uid.JPEGExtended12Bit
    samples = decode_with_gdcm(data, syntax, shape)
    if shape.coding is Coding.JPEG:
        # Lossy compression goes a little beyond white at edges, which is no further bit.
        white = full_scale(int(samples.max() / (1 + _OVERSHOOT)), shape.bits)
        samples = np.minimum(samples, np.uint16(white))
    return scale_samples(samples, warnings)
