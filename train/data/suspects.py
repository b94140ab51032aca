"""Images that a collection may hold and that are not adults' frontal X-rays: children, lateral films, masks."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pydicom

from model_src.errors import RequestError
from model_src.imaging.formats import read_image
from train.data.decode import LEVELS, DecodedFile
from train.data.sources.text import age_in_years

ADULT = 18  # years
_LATERAL = re.compile(r"l|ll|rl|lat|lateral|left lateral|right lateral", re.IGNORECASE)
_NEAR = 0.04  # of the range: JPEG moves the two values of a mask a little, and resizing blurs its edge
_SUSPECT = 0.5  # share of a small picture near its darkest or brightest, from which on the whole picture is looked at
_ALL = 0.995


def age_and_view(path: Path) -> tuple[float | None, str]:
    """Age in years and view position of a DICOM file with a preamble, as far as its header says; else (None, "")."""
    try:
        with path.open("rb") as stream:
            stream.seek(128)
            if stream.read(4) != b"DICM":
                return None, ""
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["PatientAge", "ViewPosition"])
        return age_in_years(str(header.get("PatientAge") or "")), str(header.get("ViewPosition") or "")
    except Exception:  # a damaged header fails in many ways; the image itself is reported where it cannot be read
        return None, ""


def is_lateral(view: str) -> bool:
    """Whether a view, however a list or a header spells it, is from the side."""
    return bool(_LATERAL.fullmatch(view.strip()))


def is_two_valued(image: DecodedFile) -> bool:
    """Whether a picture has one or two values and no gray between, as a mask. Only suspects are decoded again."""
    if _at_the_ends(image.pixels.astype(np.float32) / LEVELS) < _SUSPECT:
        return False
    try:
        return _at_the_ends(read_image(image.path.read_bytes()).pixels) >= _ALL
    except (OSError, RequestError):
        return False


def _at_the_ends(pixels: np.ndarray) -> float:
    """Share of pixels near the lowest or the highest value."""
    low, high = float(pixels.min()), float(pixels.max())
    near = _NEAR * (high - low)
    return float(np.mean((pixels <= low + near) | (pixels >= high - near)))
