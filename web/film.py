"""A film for the page: the file's pixels as the kit's own decoder reads them, and what may be shown of its header.

Of a DICOM file three elements are read to be shown, none of which names or dates anybody; and only code words of
DICOM's own are shown of them: another word, whatever it is, is left out.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from model_src.errors import RequestError
from model_src.imaging.decoding import decoding
from model_src.imaging.dicom.header import header_integer, header_text
from model_src.imaging.dicom.parse import parse_dicom
from model_src.imaging.formats import read_image

LONGEST_SIDE = 2048
_SHOWN = ("Modality", "ViewPosition", "BitsStored")  # the only elements that are read for it
_MODALITIES = {"CR", "DX", "DR", "RG"}
_VIEWS = {"PA", "AP", "LL", "RL", "RLD", "LLD", "RLO", "LLO"}


@dataclass(frozen=True)
class Film:
    """What a page draws."""

    pixels: np.ndarray  # uint16 little-endian (H, W): brightness, 0 to 65535, upright, bright = dense
    facts: dict[str, Any] = field(default_factory=dict)  # JSON values; see `read_film`


def read_film(data: bytes) -> Film:
    """Decode the bytes of an image file of any format that the kit takes, its longest side at most 2048 pixels.

    The facts are `format`, `width` and `height` (of the file, upright) and `warnings`; of a DICOM file also `bits`
    stored, and `modality`, `view` and `compression` as far as they are known words.

    Raises:
        InvalidImage, ImageTooLarge, UnsupportedImage: as the server would refuse it.
    """
    decoded = read_image(data)
    height, width = decoded.pixels.shape
    facts: dict[str, Any] = {
        "format": decoded.format,
        "width": width,
        "height": height,
        "warnings": list(decoded.warnings),
    }
    if decoded.format == "DICOM":
        with suppress(RequestError):  # the film can be seen all the same
            facts |= _header_facts(data)
    return Film(_for_screen(decoded.pixels), facts)


def _for_screen(pixels: np.ndarray) -> np.ndarray:
    """float32 (H, W) in [0, 1] -> uint16 little-endian with the longest side at most LONGEST_SIDE, by area."""
    height, width = pixels.shape
    scale = LONGEST_SIDE / max(height, width)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    return np.rint(np.clip(pixels, 0, 1) * 65535).astype("<u2")


def _header_facts(data: bytes) -> dict[str, Any]:
    with decoding("DICOM"):
        ds = parse_dicom(data, [], _SHOWN)
        facts: dict[str, Any] = {"bits": header_integer(ds, "BitsStored", 0)}
        if (modality := header_text(ds, "Modality")) in _MODALITIES:
            facts["modality"] = modality
        if (view := header_text(ds, "ViewPosition")) in _VIEWS:
            facts["view"] = view
        syntax = ds.file_meta.get("TransferSyntaxUID")
        if syntax is not None and not syntax.is_private and syntax.is_compressed:
            facts["compression"] = syntax.name
    return facts
