"""The JSON of a prediction: what `application/json` gives. Strict, UTF-8, ready for the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from inference.results import Prediction
from model_src.classes import CLASS_NAMES
from model_src.model_names import PREDICT_MODEL

if TYPE_CHECKING:  # its own imports need pydantic, which the base installation lacks
    from model_src.calibration.judgement import Judgement

SCORE_DIGITS = 4
DIGITS = 7  # float32 holds no more; keeps 0.1 from printing as 0.10000000149011612


def render_prediction(prediction: Prediction) -> bytes:
    """A prediction as one JSON object."""
    return to_json(prediction_object(prediction))


def prediction_object(prediction: Prediction, warnings: Sequence[str] = ()) -> dict[str, Any]:
    """The object's fields in their order; `warnings` come between the model's own and the image's."""
    healthy, pneumonia = prediction.residual_means
    xray = prediction.xray
    return {
        "model": PREDICT_MODEL,  # also where it is registered a second time
        "model_version": prediction.model_version,
        "label": CLASS_NAMES[prediction.label],
        "probabilities": {
            name: round(p, DIGITS) for name, p in zip(CLASS_NAMES, prediction.probabilities, strict=True)
        },
        "residual": {"healthy": round(healthy, DIGITS), "pneumonia": round(pneumonia, DIGITS)},
        "image": {"format": xray.format, "width": xray.width, "height": xray.height},
        **_judgement(prediction.judgement),
        "warnings": [*prediction.warnings, *warnings, *xray.warnings],
    }


def _judgement(judgement: Judgement | None) -> dict[str, Any]:
    """What validation films say of the answer: fields that are absent where nothing is known."""
    if judgement is None:
        return {}
    such, scope = judgement.such_answers, judgement.in_scope
    found: dict[str, Any] = {
        "prediction_set": {level: [CLASS_NAMES[c] for c in classes] for level, classes in judgement.sets.items()}
    }
    if scope is not None:
        found["in_scope"] = {
            "value": scope.value,
            "score": round(scope.score, SCORE_DIGITS),
            "threshold": scope.threshold,
            "reason": scope.reason,
        }
    found["such_answers"] = {"answers": such.answers, "right": such.right, "from": such.low, "to": such.high}
    return found


def to_json(fields: Mapping[str, Any]) -> bytes:
    """Strict JSON in UTF-8.

    Raises:
        ValueError: a value is not a finite number, or not JSON at all (a defect of ours).
    """
    return json.dumps(fields, allow_nan=False, ensure_ascii=False).encode("utf-8")


def join_json(objects: Sequence[bytes]) -> bytes:
    """JSON objects in one: {"predictions": [...]}, what a list of images gives."""
    return b'{"predictions": [' + b", ".join(objects) + b"]}"
