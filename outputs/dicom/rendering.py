"""What a server sends of a DICOM film: all objects in parts, or the report alone.

Each function takes the film's file and gives the rendering of its answer, so that a film which cannot have one is
refused before anything is computed.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from pydicom.dataset import Dataset

from inference.results import Explanation, Prediction
from model_src.errors import NotAcceptable
from outputs.dicom.film import read_film
from outputs.multipart import join_parts

DICOM = "application/dicom"


def prediction_parts(image: bytes) -> Callable[[Prediction], bytes]:
    """For a prediction: one part, the report.

    Raises:
        NotAcceptable: the image is no DICOM film, or names no study; or there is no highdicom here.
        InvalidImage, UnsupportedImage: it is not an image, or damaged.
    """
    film = _film(image)

    def render(prediction: Prediction) -> bytes:
        from outputs.dicom.objects import prediction_objects

        return join_parts(prediction_objects(prediction, film), DICOM)

    return render


def prediction_report(image: bytes) -> Callable[[Prediction], bytes]:
    """For a prediction: the report alone; raises as above."""
    film = _film(image)

    def render(prediction: Prediction) -> bytes:
        from outputs.dicom.objects import REPORT, prediction_objects

        return prediction_objects(prediction, film)[REPORT]

    return render


def explanation_parts(image: bytes) -> Callable[[Explanation, np.ndarray], bytes]:
    """For an explanation: report, map, picture and, where there is a region, outline; raises as above."""
    film = _film(image)

    def render(explanation: Explanation, pixels: np.ndarray) -> bytes:
        from outputs.dicom.objects import explanation_objects

        return join_parts(explanation_objects(explanation, pixels, film), DICOM)

    return render


def explanation_report(image: bytes) -> Callable[[Explanation, np.ndarray], bytes]:
    """For an explanation: the report alone; raises as above."""
    film = _film(image)

    def render(explanation: Explanation, pixels: np.ndarray) -> bytes:
        from outputs.dicom.objects import explanation_report

        return explanation_report(explanation, film)

    return render


def _film(image: bytes) -> Dataset:
    film = read_film(image)
    if find_spec("highdicom") is None:
        raise NotAcceptable(
            "this server makes no DICOM, since highdicom is missing: ask for application/json, or have "
            "'coronet-serve[dicom]' installed where its workers run"
        )
    return film
