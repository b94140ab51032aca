"""Gray films in colour containers: RGB, YBR_FULL, YBR_FULL_422, PALETTE COLOR whose channels all say the same."""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from model_src.errors import UnsupportedImage
from model_src.imaging.decoding import full_scale

GRAYS = ("MONOCHROME1", "MONOCHROME2")
PALETTE = "PALETTE COLOR"
COLOURS = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")

# Of 255. Channels that say the same differ by rounding; JPEG's chroma of a gray film is exactly neutral.
_TOLERANCE = 4
_NEUTRAL = 128  # Cb and Cr of gray
_BAND = 256  # rows compared at a time


def gray_channel(channels: np.ndarray, photometric: str) -> np.ndarray:
    """The gray values, uint8 (H, W), of a gray film in three channels, uint8 (H, W, 3).

    Decoders undo the colour transform of some compressions and not of others, so both accounts of gray are tried:
    three equal channels, or luma beside neutral chroma.

    Raises:
        UnsupportedImage: there is colour.
    """
    if channels.dtype != np.uint8:
        raise UnsupportedImage(f"found DICOM with {photometric} of more than 8 bits, need a gray film")
    apart = tinted = 0
    for start in range(0, len(channels), _BAND):
        first, second, third = np.moveaxis(channels[start : start + _BAND].astype(np.int16), -1, 0)
        apart = max(apart, _furthest(second, first), _furthest(third, first))
        tinted = max(tinted, _furthest(second, _NEUTRAL), _furthest(third, _NEUTRAL))
    if min(apart, tinted) > _TOLERANCE:
        raise UnsupportedImage(
            f"found DICOM with {photometric} in colour (channels differ by up to {min(apart, tinted)} of 255), "
            "need a gray film"
        )
    return np.ascontiguousarray(channels[..., 0])


def palette_table(ds: Dataset, words: int) -> np.ndarray:
    """Brightness of every index of a gray palette, float32 (`words`,) in [0, 1].

    Raises:
        UnsupportedImage: a palette in colour, or none in the header.
    """
    tables = [_palette(ds, colour, words) for colour in ("Red", "Green", "Blue")]
    used = np.stack([table for table, _ in tables])
    white = max(white for _, white in tables)
    if np.ptp(used, axis=0).max() * 255 > _TOLERANCE * white:
        raise UnsupportedImage("found DICOM with PALETTE COLOR in colour, need a gray film")
    return (tables[0][0] / white).clip(0, 1).astype(np.float32)


def _palette(ds: Dataset, colour: str, words: int) -> tuple[np.ndarray, int]:
    """One colour's entry for every index, int64, and its white (PS3.3 C.7.6.3.1.5 and 6)."""
    descriptor = ds.get(f"{colour}PaletteColorLookupTableDescriptor")
    data = ds.get(f"{colour}PaletteColorLookupTableData")
    if not descriptor or not data or not isinstance(data, bytes) or len(descriptor) != 3:
        raise UnsupportedImage("found DICOM with PALETTE COLOR without its lookup tables; save it as MONOCHROME2")
    entries, first, bits = (int(number) for number in descriptor)
    entries = (entries & 0xFFFF) or 1 << 16
    packed = bits <= 8 and len(data) <= entries + 1  # one entry a byte, padded to be even
    order = "<" if ds.original_encoding[1] is not False else ">"
    table = np.frombuffer(data[: len(data) & ~1], np.uint8 if packed else f"{order}u2")[:entries].astype(np.int64)
    index = np.clip(np.arange(words) - first, 0, table.size - 1)
    return table[index], full_scale(int(table.max()), 8 if bits <= 8 else 16)


def _furthest(values: np.ndarray, others: np.ndarray | int) -> int:
    return int(np.abs(values - others).max())
