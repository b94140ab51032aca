"""Inputs of real users' reports, beside the checkout: the picture they all hold, or the line that names them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_src.errors import RequestError
from model_src.imaging.formats import read_image

FOLDER = Path(__file__).parents[4] / "shared" / "cases"
# Part of the file's name -> words of the warnings, all of them.
READ = {
    "c01_": [],
    "c03_": [],
    "c06_": [],
    "c07_overlay": [],
    "c07_samples": ["shown white"],
    "c18_8bit": ["made for other values"],
    "c18_header": ["12 bits stored, the compressed pixels have 8"],
    "c19_": ["63536 is taken for -2000", "4095 is taken as white"],
    "c20_": [],
    "c22_": [],
    "c27_": ["read as signed"],
    "c44_": [],
    "c45_": ["makes all pixels alike", "shown from the lowest to the highest"],
    "c13_": [],
    "c14_": [],
    "c31_": [],
}
REFUSED = {"c33_": "transfer syntax is JPEG Lossless", "c37_": "multipart answer of DICOMweb", "c43_": "DICOMDIR"}


def files(names: dict[str, object]) -> list[Path]:
    """The files of these cases; none where the folder is absent."""
    return [path for path in sorted(FOLDER.glob("[dp]ic*/c*")) if path.name.startswith(tuple(names))]


@pytest.fixture(scope="module")
def reference() -> np.ndarray:
    """The picture, float (H, W) in [0, 1]."""
    if not FOLDER.is_dir():
        pytest.skip("the users' inputs (../shared/cases) are not on this machine")
    return np.asarray(Image.open(FOLDER / "reference_8bit.png").convert("L")) / 255


def test_what_can_be_read(reference: np.ndarray) -> None:
    read = files(READ)
    assert len(read) == 18
    for path in read:
        decoded = read_image(path.read_bytes())
        away = np.abs(decoded.pixels - reference)
        padded = path.name.startswith("c19_")  # its padding is black where the reference is not
        assert (np.median(away) if padded else away.mean()) < 0.005, path.name
        words = next(words for name, words in READ.items() if path.name.startswith(name))
        assert len(decoded.warnings) == len(words), (path.name, decoded.warnings)
        assert all(word in said for word, said in zip(words, decoded.warnings, strict=True)), path.name


def test_what_is_named(reference: np.ndarray) -> None:
    refused = files(REFUSED)
    assert len(refused) == 3
    for path in refused:
        word = next(word for name, word in REFUSED.items() if path.name.startswith(name))
        with pytest.raises(RequestError, match=word):
            read_image(path.read_bytes())
