"""The outputs a server offers, one row each, by media type; the first of each table is the default.

A rendering is one file here and one row below. The last word of its media type is its name in a request's `format`;
those of DICOM are named below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from inference.results import Explanation, Prediction
from outputs import explanation_json, multipart, overlay_png, prediction_json
from outputs.dicom import rendering
from outputs.dicom.rendering import DICOM

JSON = "application/json"
PNG = "image/png"
DICOM_PARTS = multipart.media_type(DICOM)

RenderPrediction = Callable[[Prediction], bytes]
# The X-ray's pixels come along for those that draw on it: float32 (H, W) in [0, 1], of any size from that of the
# pictures (drawing.at_picture_size) up.
RenderExplanation = Callable[[Explanation, np.ndarray], bytes]

PREDICTIONS: dict[str, RenderPrediction] = {
    JSON: prediction_json.render_prediction,
}
EXPLANATIONS: dict[str, RenderExplanation] = {
    JSON: explanation_json.render_explanation,
    PNG: overlay_png.render_explanation,
}

# Of DICOM films alone: what is made with the film's file, which is looked at before anything is computed.
FILM_PREDICTIONS: dict[str, Callable[[bytes], RenderPrediction]] = {
    DICOM_PARTS: rendering.prediction_parts,
    DICOM: rendering.prediction_report,
}
FILM_EXPLANATIONS: dict[str, Callable[[bytes], RenderExplanation]] = {
    DICOM_PARTS: rendering.explanation_parts,
    DICOM: rendering.explanation_report,
}
_NAMES = {DICOM_PARTS: "dicom", DICOM: "dicom-report"}


def render_prediction(media_type: str, image: bytes) -> RenderPrediction:
    """The rendering of a prediction of the file `image` as a media type of the tables above.

    Raises:
        NotAcceptable: the file cannot have it.
        InvalidImage, UnsupportedImage: it is not an image, or damaged.
    """
    if media_type in FILM_PREDICTIONS:
        return FILM_PREDICTIONS[media_type](image)
    return PREDICTIONS[media_type]


def render_explanation(media_type: str, image: bytes) -> RenderExplanation:
    """The rendering of an explanation, likewise."""
    if media_type in FILM_EXPLANATIONS:
        return FILM_EXPLANATIONS[media_type](image)
    return EXPLANATIONS[media_type]


def format_names(table: Mapping[str, object]) -> dict[str, str]:
    """Name in a request's `format` -> media type, of tables above: {"json": "application/json", ...}."""
    return {_NAMES.get(media_type) or media_type.rpartition("/")[2]: media_type for media_type in table}


def content_type(media_type: str) -> str:
    """The header of a response of that media type."""
    return multipart.content_type(DICOM) if media_type == DICOM_PARTS else media_type
