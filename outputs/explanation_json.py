"""The JSON of an explanation: that of its prediction, the method's facts, the map's numbers and all its pictures."""

from __future__ import annotations

import base64

import numpy as np

from inference.results import Explanation
from model_src.classes import CLASS_NAMES
from outputs.heatmap_png import heatmap_png
from outputs.overlay_png import overlay_png
from outputs.prediction_json import DIGITS, prediction_object, to_json
from outputs.residual_png import residual_png


def render_explanation(explanation: Explanation, pixels: np.ndarray) -> bytes:
    """An explanation as one JSON object; its pictures are drawn over the X-ray `pixels` (H, W)."""
    pictures = {
        "heatmap_png": heatmap_png(explanation.heatmap, pixels),
        "overlay_png": overlay_png(explanation.heatmap, pixels, explanation.sign),
        "residual_png": residual_png(explanation.residuals),
    }
    return to_json(
        {
            **prediction_object(explanation.prediction, explanation.warnings),
            "method": explanation.method,
            "target": CLASS_NAMES[explanation.target],
            "steps": explanation.steps,
            "seed": explanation.seed,
            "sign": explanation.sign,
            "heatmap": [[round(float(value), 4) for value in row] for row in explanation.heatmap],
            **{name: base64.b64encode(picture).decode("ascii") for name, picture in pictures.items()},
            "target_probability": {
                "original": round(explanation.probability_before, DIGITS),
                "perturbed": round(explanation.probability_after, DIGITS),
            },
            "faithfulness": {
                "deletion": round(explanation.deletion, DIGITS),
                "insertion": round(explanation.insertion, DIGITS),
            },
            "details": explanation.details,
        }
    )
