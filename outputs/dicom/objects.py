"""All objects of an answer, by name: a report, and of an explanation also map, picture and outline."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from pydicom.dataset import Dataset

from inference.results import Explanation, Prediction
from outputs.dicom.film import without_identity
from outputs.dicom.heat_map import heat_map
from outputs.dicom.identifiers import explanation_key, prediction_key
from outputs.dicom.new_object import Origin, to_file
from outputs.dicom.outline_pr import outline
from outputs.dicom.picture_sc import picture
from outputs.dicom.report_sr import report

REPORT, MAP, PICTURE, OUTLINE = "report", "map", "picture", "outline"


def prediction_objects(prediction: Prediction, film: Dataset, made: datetime | None = None) -> dict[str, bytes]:
    """A prediction as files. `film`: film.read_film; `made`: when, local time; now where it is not given."""
    origin = _origin(film, prediction_key(prediction, film), prediction, made)
    return {REPORT: to_file(report(origin), origin)}


def explanation_objects(
    explanation: Explanation, pixels: np.ndarray, film: Dataset, made: datetime | None = None
) -> dict[str, bytes]:
    """An explanation as files, its picture drawn over the X-ray `pixels` (H, W); arguments as above."""
    origin = _origin(film, explanation_key(explanation, film), explanation.prediction, made)
    objects = {
        REPORT: report(origin, explanation),
        MAP: heat_map(origin, explanation),
        PICTURE: picture(origin, explanation, pixels),
        OUTLINE: outline(origin, explanation),
    }
    return {name: to_file(each, origin) for name, each in objects.items() if each is not None}


def explanation_report(explanation: Explanation, film: Dataset, made: datetime | None = None) -> bytes:
    """The report of an explanation alone, as a file; arguments as above."""
    origin = _origin(film, explanation_key(explanation, film), explanation.prediction, made)
    return to_file(report(origin, explanation), origin)


def _origin(film: Dataset, key: tuple[str, ...], prediction: Prediction, made: datetime | None) -> Origin:
    return Origin(film, without_identity(film), key, prediction, made or datetime.now())
