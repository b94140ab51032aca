"""Chest radiographs in DICOM to gray pixels in [0, 1]: one frame of CR, DX, DR or RG, read by pydicom.

Taken: MONOCHROME1 and 2, and gray films in colour containers; 8 or 16 bits allocated, any bits stored, signed or
not; native (implicit, explicit, big-endian, deflated) or compressed as RLE, JPEG baseline, JPEG extended, JPEG
lossless, JPEG-LS, JPEG 2000 or HTJ2K.

A sample has at most 16 bits, so everything between the stored word and its brightness is computed once per possible
word and looked up per pixel. docs/reference/pixels.md has the rules in their order.
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.decoding import check_pixel_count
from model_src.imaging.dicom.colour import COLOURS, GRAYS, PALETTE, gray_channel, palette_table
from model_src.imaging.dicom.gray_scale import brightness_table
from model_src.imaging.dicom.header import check_radiograph, header_doubts, header_integer, header_text
from model_src.imaging.dicom.parse import parse_dicom
from model_src.imaging.dicom.pixels import Layout, stored_words
from model_src.imaging.dicom.reading import read_words

_BLOCK = 1 << 20  # samples looked up at a time: indexing makes 8-byte copies of its indices


def read_dicom(data: bytes, warnings: list[str]) -> np.ndarray:
    """Decode a whole DICOM file to float32 (H, W) in [0, 1], bright = dense (MONOCHROME2).

    Raises:
        InvalidImage: damaged, truncated or contradicting itself. ImageTooLarge: more than 64 megapixels.
        UnsupportedImage: no image, several frames, colour, another modality, or an unknown compression.
    Other damage raises what the library raises.
    """
    ds = parse_dicom(data, warnings)
    check_radiograph(ds)
    photometric = header_text(ds, "PhotometricInterpretation")
    layout = _layout(ds, photometric)
    warnings += header_doubts(ds)
    words, layout = stored_words(ds, layout, warnings)
    if photometric in COLOURS:
        return _look_up(np.linspace(0, 1, 256, dtype=np.float32), gray_channel(words, photometric))
    if photometric == PALETTE:
        return _look_up(palette_table(ds, 1 << 8 * words.itemsize), words)
    words, samples = read_words(ds, words, layout, warnings)
    return _look_up(brightness_table(ds, samples, warnings), words)


def dicom_size(data: bytes) -> tuple[int, int]:
    """Columns and rows by the header, without decoding pixels; raises what `read_dicom` does, or a library's error."""
    ds = parse_dicom(data, [])
    return header_integer(ds, "Columns"), header_integer(ds, "Rows")


def _layout(ds: Dataset, photometric: str) -> Layout:
    samples = header_integer(ds, "SamplesPerPixel", 1)
    allocated = header_integer(ds, "BitsAllocated")
    single = photometric in (*GRAYS, PALETTE)
    if not (single and samples == 1) and not (photometric in COLOURS and samples == 3 and allocated == 8):
        found = photometric[:16] or "no photometric interpretation"
        raise UnsupportedImage(
            f"found DICOM with {found}, {samples} samples of {allocated} bits a pixel, need MONOCHROME1 or MONOCHROME2"
        )
    rows, columns = header_integer(ds, "Rows"), header_integer(ds, "Columns")
    check_pixel_count(columns, rows)
    if allocated not in (8, 16):
        raise UnsupportedImage(f"found DICOM with {allocated} bits allocated per sample, need 8 or 16")
    stored = header_integer(ds, "BitsStored", allocated)
    if not 1 <= stored <= allocated:
        raise InvalidImage(f"found {stored} bits stored in {allocated} allocated; export the DICOM again")
    high = header_integer(ds, "HighBit", stored - 1)
    high = high if stored - 1 <= high < allocated else stored - 1
    return Layout(
        rows,
        columns,
        allocated,
        stored,
        high,
        signed=header_integer(ds, "PixelRepresentation", 0) == 1,
        samples=samples,
        planar=samples > 1 and header_integer(ds, "PlanarConfiguration", 0) == 1,
        halved=photometric == "YBR_FULL_422" and columns % 2 == 0,
    )


def _look_up(table: np.ndarray, words: np.ndarray) -> np.ndarray:
    """`table[words]`, float32 (H, W)."""
    flat = words.ravel()
    pixels = np.empty(flat.size, dtype=np.float32)
    for start in range(0, flat.size, _BLOCK):
        block = slice(start, start + _BLOCK)
        np.take(table, flat[block], out=pixels[block], mode="clip")
    return pixels.reshape(words.shape)
