"""Responses as examples for openapi.yaml; a test holds them against the schemas."""

from __future__ import annotations

from typing import Any

from model_src.classes import RESEARCH_USE

PREDICTION: dict[str, Any] = {
    "model": "coronet",
    "model_version": "1.0",
    "label": "COVID-19",
    "probabilities": {"Healthy": 0.02, "Pneumonia": 0.1, "COVID-19": 0.88},
    "residual": {"healthy": 0.0184, "pneumonia": 0.0329},
    "image": {"format": "DICOM", "width": 1024, "height": 1024},
    "prediction_set": {"90": ["COVID-19"], "95": ["COVID-19", "Pneumonia"]},
    "in_scope": {
        "value": True,
        "score": 0.62,
        "threshold": 1.0,
        "reason": "like the films that the model was calibrated on",
    },
    "such_answers": {"answers": 100, "right": 69, "from": 0.8, "to": 0.9},
    "warnings": [RESEARCH_USE],
}

EXPLANATION: dict[str, Any] = {
    **PREDICTION,
    "method": "grad_cam",
    "target": "COVID-19",
    "steps": 1,
    "seed": 0,
    "sign": "1 = speaks most for the target",
    "heatmap": [[0.0, 0.25], [0.5, 1.0]],
    "heatmap_png": "<base64>",
    "overlay_png": "<base64>",
    "residual_png": "<base64>",
    "target_probability": {"original": 0.88, "perturbed": 0.21},
    "faithfulness": {"deletion": 0.31, "insertion": 0.72},
    "details": {},
}


def _error(code: int, type: str, message: str) -> dict[str, Any]:
    return {"code": code, "type": type, "message": message}


# status -> a body that a caller may see
ERRORS: dict[int, dict[str, Any]] = {
    307: _error(
        307,
        "ExplanationsElsewhere",
        "workers here are for predictions, and too busy for this explanation or it takes too long: "
        "ask at /explanations/coronet-explain",
    ),
    400: _error(400, "InvalidRequest", "steps: found 'many', need an integer from 1 to 1000"),
    406: _error(
        406,
        "NotAcceptable",
        "found a PNG file, need a DICOM file for an answer in DICOM; ask for application/json",
    ),
    408: _error(408, "RequestTimeout", "the request was not sent whole: nothing came for 30 s. Send it again."),
    413: _error(
        413, "ImageTooLarge", "found 9000 x 9000 pixels, need at most 64,000,000 (64 megapixels); send it smaller"
    ),
    415: _error(415, "UnsupportedImage", "found a PDF document; send a PNG, JPEG, WebP, TIFF or DICOM file"),
    500: _error(
        500, "InternalError", "the model's answer for this image is not a number; check the artefacts it was given"
    ),
    503: _error(503, "Overloaded", "the server is stopping: ask again in a minute"),
    507: _error(
        507,
        "OutOfMemory",
        "this request needs more memory than the server has; send a smaller image or fewer at once",
    ),
}
