"""A toy: predictions and explanations as comma-separated text. All that an output needs beside its rows."""

from __future__ import annotations

import numpy as np

from inference.results import Explanation, Prediction
from model_src.classes import CLASS_NAMES

CSV = "text/csv"


def render_prediction(prediction: Prediction) -> bytes:
    """The file's format and the probabilities, below a heading."""
    row = [prediction.xray.format, *(f"{p:.3f}" for p in prediction.probabilities)]
    return f"{','.join(['format', *CLASS_NAMES])}\n{','.join(row)}\n".encode()


def render_explanation(explanation: Explanation, pixels: np.ndarray) -> bytes:
    """The method, its class, and the sizes of map and X-ray, above the map's rows."""
    heatmap = explanation.heatmap
    sizes = " over ".join("x".join(map(str, array.shape)) for array in (heatmap, pixels))
    rows = "\n".join(",".join(f"{value:.2f}" for value in row) for row in heatmap)
    return f"{explanation.method},{CLASS_NAMES[explanation.target]},{sizes}\n{rows}\n".encode()
