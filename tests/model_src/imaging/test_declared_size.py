"""Sizes by the header, of every kind of file, without pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom import uid

from model_src.imaging.formats import declared_pixels

Writer = Callable[..., bytes]
GRAY = np.zeros((12, 20), np.uint8)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("TIFF", {}),
        ("WEBP", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_pictures(write_picture: Writer, kind: str, options: dict[str, Any]) -> None:
    data = write_picture(GRAY, kind, **options)
    assert declared_pixels(data) == 240


@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian, uid.RLELossless])
def test_dicom(write_dicom: Writer, syntax: uid.UID) -> None:
    assert declared_pixels(write_dicom(GRAY, syntax)) == 240


@pytest.mark.parametrize("data", [b"", b"text", b"%PDF-1.4", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0"])
def test_what_does_not_tell_counts_nothing(data: bytes) -> None:
    assert declared_pixels(data) == 0
