"""The JSON of every answer: predictions, explanations and errors; strict, UTF-8, ready for the wire."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from explanations import Attribution, ExplainOptions
from model_src.classes import CLASS_NAMES
from model_src.errors import RequestError
from model_src.imaging.xray import Xray
from model_src.model_names import EXPLAIN_MODEL, PREDICT_MODEL

MODEL_NAME = PREDICT_MODEL  # in both worker pools
JSON = "application/json"
PNG = "image/png"

# TorchServe writes phrases into frames whose length it counts in characters: fixed, ASCII, one line.
_PHRASES = {
    200: "OK",
    307: "Temporary Redirect",
    400: "Bad Request",
    413: "Payload Too Large",
    415: "Unsupported Media Type",
    500: "Internal Server Error",
    503: "Service Unavailable",
    507: "Insufficient Storage",
}
_DIGITS = 7  # float32 holds no more; keeps 0.1 from printing as 0.10000000149011612


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    body: bytes
    content_type: str = JSON
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def phrase(self) -> str:
        """The status in words."""
        return _PHRASES.get(self.status, "Error")


@dataclass(frozen=True)
class Prediction:
    """What the chain says of one image."""

    probabilities: tuple[float, ...]  # in the order of CLASS_NAMES, sum 1
    residual: tuple[float, float]  # mean absolute residual of the healthy and the pneumonia autoencoder, in [0, 1]

    @property
    def label(self) -> int:
        """Index of the most probable class."""
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)


def prediction_answer(
    prediction: Prediction, xray: Xray, model_version: str, warnings: Sequence[str]
) -> dict[str, Any]:
    """The JSON object of a prediction; `warnings` are the model's, the image's are added."""
    healthy, pneumonia = prediction.residual
    return {
        "model": MODEL_NAME,
        "model_version": model_version,
        "label": CLASS_NAMES[prediction.label],
        "probabilities": _probabilities(prediction),
        "residual": {"healthy": round(healthy, _DIGITS), "pneumonia": round(pneumonia, _DIGITS)},
        "image": {"format": xray.format, "width": xray.width, "height": xray.height},
        "warnings": [*warnings, *xray.warnings],
    }


def explanation_answer(
    prediction: Prediction,
    attribution: Attribution,
    options: ExplainOptions,
    pictures: Mapping[str, bytes],
    xray: Xray,
    model_version: str,
    warnings: Sequence[str],
) -> dict[str, Any]:
    """The JSON object of an explanation: the prediction and the method's facts; `pictures`: field name -> PNG."""
    return {
        **prediction_answer(prediction, xray, model_version, [*warnings, *attribution.warnings]),
        "method": options.method,
        "target": CLASS_NAMES[attribution.target],
        "steps": attribution.steps,
        "seed": options.seed,
        "sign": attribution.sign,
        "heatmap": [[round(float(value), 4) for value in row] for row in attribution.heatmap],
        **{name: base64.b64encode(png).decode("ascii") for name, png in pictures.items()},
        "target_probability": {
            "original": round(attribution.original_probability, _DIGITS),
            "perturbed": round(attribution.perturbed_probability, _DIGITS),
        },
        "faithfulness": {
            "deletion": round(attribution.deletion, _DIGITS),
            "insertion": round(attribution.insertion, _DIGITS),
        },
        "details": attribution.details,
    }


def error_reply(error: RequestError) -> Reply:
    """`{"code", "type", "message"}` with the error's own status."""
    # A message may quote what was sent, and JSON can carry half a surrogate pair, which UTF-8 cannot.
    message = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
    return json_reply({"code": error.status, "type": error.type, "message": message}, error.status)


def explanations_elsewhere() -> Reply:
    """A redirect to the workers that do nothing but explain; HTTP clients repeat the request there as it is."""
    path = f"/explanations/{EXPLAIN_MODEL}"
    message = f"workers here are for predictions, and too busy for this explanation or it takes too long: ask at {path}"
    body = {"code": 307, "type": "ExplanationsElsewhere", "message": message}
    return dataclasses.replace(json_reply(body, 307), headers={"Location": path})


def json_reply(answer: Mapping[str, Any], status: int = 200) -> Reply:
    """Strict JSON in UTF-8.

    Raises:
        ValueError: a value is not a finite number, or not JSON at all (a defect of ours).
    """
    text = json.dumps(answer, allow_nan=False, ensure_ascii=False)
    return Reply(text.encode("utf-8"), JSON, status)


def _probabilities(prediction: Prediction) -> dict[str, float]:
    return {name: round(p, _DIGITS) for name, p in zip(CLASS_NAMES, prediction.probabilities, strict=True)}
