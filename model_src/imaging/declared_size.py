"""How many pixels an image file says it has, read from its header alone: nothing is decoded."""

from __future__ import annotations

from io import BytesIO

from PIL import TiffImagePlugin

from model_src.errors import RequestError
from model_src.imaging.codestream import codestream_shape
from model_src.imaging.decoding import decoding
from model_src.imaging.dicom.file import dicom_size
from model_src.imaging.formats import file_kind
from model_src.imaging.picture import declared_size


def declared_pixels(data: bytes) -> int:
    """Width x height by the header of an image file of a kind that is taken.

    0 when the header does not tell, because the file is damaged or of another kind: who decodes it says so.
    """
    try:
        kind = file_kind(data)
        with decoding(kind):
            width, height = _size(data, kind)
    except RequestError:
        return 0
    return width * height


def _size(data: bytes, kind: str) -> tuple[int, int]:
    if kind == "JPEG":
        shape = codestream_shape(data)
        return shape.width, shape.height
    if kind == "TIFF":
        return TiffImagePlugin.TiffImageFile(BytesIO(data)).size
    if kind == "DICOM":
        return dicom_size(data)
    return declared_size(data, kind) or (0, 0)
