"""A report as the page sends it, to be changed by tests."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np

from tests.image_writers import write_picture


def png(level: int = 128, size: tuple[int, int] = (24, 32)) -> str:
    """A gray picture of one level, (height, width), in base64."""
    return base64.b64encode(write_picture(np.full(size, level, np.uint8))).decode("ascii")


def shown_map(**fields: Any) -> dict[str, Any]:
    """An explanation."""
    return {
        "method": "grad_cam",
        "target": "COVID-19",
        "sign": "1 = speaks most for the target class",
        "probability_before": 0.88,
        "probability_after": 0.05,
        "deletion": 0.21,
        "insertion": 0.8,
        "overlay_png": png(200),
        "residual_png": png(20),
        **fields,
    }


def case(**fields: Any) -> dict[str, Any]:
    """A film with its answer."""
    return {
        "number": 1,
        "name": "",
        "label": "COVID-19",
        "probabilities": {"Healthy": 0.02, "Pneumonia": 0.1, "COVID-19": 0.88},
        "such_answers": {"answers": 100, "right": 69, "from": 0.8, "to": 0.9},
        "prediction_set": {"90": ["COVID-19"], "95": ["COVID-19"]},
        "in_scope": {"value": True, "score": 0.4, "threshold": 1.0, "reason": "like the films"},
        "image": {"format": "DICOM", "width": 1024, "height": 768},
        "warnings": ["research use only, not for diagnosis", "hardly any contrast"],
        "verdict": {"verdict": "amend", "amended": "Pneumonia"},
        "film_png": png(),
        "explanations": [shown_map()],
        **fields,
    }


def body(*cases: dict[str, Any], **fields: Any) -> bytes:
    """The request."""
    model = {"model": "coronet", "model_version": "1.0", "sha256": {"cin.pt": "cd" * 32}}
    report = {"made": "2026-11-27T12:00:00+01:00", "model": model, "cases": list(cases) or [case()], **fields}
    return json.dumps(report).encode()
