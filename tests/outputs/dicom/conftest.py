"""A film, an answer about it that can be worked out by hand, and its objects read back."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from inference.results import Explanation, Prediction, XrayInfo
from outputs.dicom.film import read_film
from outputs.dicom.objects import explanation_objects
from tests.image_writers import smooth_film, write_dicom

MADE = datetime(2026, 11, 27, 12, 30, 15)
STUDY = {
    "StudyInstanceUID": "1.2.3.1",
    "SeriesInstanceUID": "1.2.3.2",
    "SOPInstanceUID": "1.2.3.3",
    "PatientID": "4711",
    "PatientBirthDate": "19500102",
    "PatientSex": "F",
    "PatientAge": "076Y",
    "StudyDate": "20261126",
    "StudyTime": "101112",
    "StudyID": "S1",
    "AccessionNumber": "A1",
    "ReferringPhysicianName": "Doctor^A",
    "PatientOrientation": ["L", "F"],
}


def _explanation() -> Explanation:
    heatmap = np.zeros((3, 4), np.float32)
    heatmap[1, 2] = 0.8
    prediction = Prediction(
        probabilities=(0.02, 0.1, 0.88),
        label=2,
        residual_means=(0.01, 0.03),
        xray=XrayInfo("DICOM", 40, 30, ("the film is small",)),
        model_version="1.0",
        warnings=("research use only, not for diagnosis",),
        digests={"tfen.pt": "a" * 64, "cin.pt": "b" * 64},
    )
    return Explanation(
        prediction=prediction,
        method="saliency",
        target=1,
        steps=1,
        seed=0,
        sign="1 = speaks most for the target",
        heatmap=heatmap,
        residuals=np.zeros((3, 8, 8), np.float32),
        probability_before=0.1,
        probability_after=0.25,
        deletion=0.31,
        insertion=0.72,
        options={"steps": 1, "seed": 0, "score_steps": 12},
        warnings=("a warning of the method",),
    )


@pytest.fixture
def explanation() -> Explanation:
    """Why Pneumonia, though COVID-19 was predicted; the map (3, 4) has 0.8 in row 1, column 2, and 0 elsewhere."""
    return _explanation()


@pytest.fixture
def make_film() -> Callable[..., bytes]:
    """A CR of 30 rows and 40 columns as a file; keywords of elements set them, or (None) leave them out."""

    def make(samples: np.ndarray | None = None, **header: Any) -> bytes:
        wanted = {**STUDY, **header}
        elements = {keyword: value for keyword, value in wanted.items() if value is not None}
        removed = [keyword for keyword in ("PatientName", "SOPInstanceUID") if wanted.get(keyword, "") is None]
        syntax = elements.pop("syntax", "1.2.840.10008.1.2.1")
        film = smooth_film(64)[:30, :40] if samples is None else samples
        return write_dicom(film, pydicom.uid.UID(syntax), **elements, **dict.fromkeys(removed))

    return make


@pytest.fixture
def make_objects(explanation, make_film) -> Callable[..., dict[str, Dataset]]:
    """The objects of the explanation, read back; arguments as for `make_film`, and changes to the explanation."""

    def make(changes: dict[str, Any] | None = None, **header: Any) -> dict[str, Dataset]:
        film = read_film(make_film(**header))
        pixels = np.linspace(0, 1, film.Rows * film.Columns, dtype=np.float32).reshape(film.Rows, film.Columns)
        files = explanation_objects(replace(explanation, **(changes or {})), pixels, film, MADE)
        return {name: pydicom.dcmread(io.BytesIO(content)) for name, content in files.items()}

    return make
