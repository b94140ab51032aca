"""The JSON of an explanation: fields in their order, pictures that can be read back."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from PIL import Image

from inference.results import Explanation
from outputs.explanation_json import render_explanation
from outputs.registry import EXPLANATIONS, PNG
from tests.outputs.test_prediction_json import PREDICTION

EXPLANATION = Explanation(
    prediction=PREDICTION,
    method="saliency",
    target=0,
    steps=3,
    seed=7,
    sign="1 = matters",
    heatmap=np.array([[0, 0.25], [0.123456, 1]], np.float32),
    residuals=np.zeros((3, 8, 8), np.float32),
    probability_before=0.123456789,
    probability_after=0.5,
    deletion=0.25,
    insertion=0.75,
    details={"tiles": "grid"},
    warnings=("of the method",),
)
PIXELS = np.full((20, 30), 0.5, np.float32)


def test_fields_in_their_order():
    found = json.loads(render_explanation(EXPLANATION, PIXELS))
    pictures = [found.pop(name) for name in ("heatmap_png", "overlay_png", "residual_png")]
    assert list(found.items())[6:] == [
        ("warnings", ["of the model", "of the method", "of the image"]),
        ("method", "saliency"),
        ("target", "Healthy"),
        ("steps", 3),
        ("seed", 7),
        ("sign", "1 = matters"),
        ("heatmap", [[0.0, 0.25], [0.1235, 1.0]]),
        ("target_probability", {"original": 0.1234568, "perturbed": 0.5}),
        ("faithfulness", {"deletion": 0.25, "insertion": 0.75}),
        ("details", {"tiles": "grid"}),
    ]
    sizes = [Image.open(io.BytesIO(base64.b64decode(picture))).size for picture in pictures]
    assert sizes[:2] == [(30, 20), (30, 20)]
    assert base64.b64decode(pictures[1]) == EXPLANATIONS[PNG](EXPLANATION, PIXELS)
