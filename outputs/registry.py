"""The outputs a server offers, one row each, by media type; the first of each table is the default.

A rendering is one file here and one row below. The last word of its media type is its name in a request's `format`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from inference.results import Explanation, Prediction
from outputs import explanation_json, overlay_png, prediction_json

JSON = "application/json"
PNG = "image/png"

PREDICTIONS: dict[str, Callable[[Prediction], bytes]] = {
    JSON: prediction_json.render_prediction,
}

# The X-ray's pixels come along for those that draw on it: float32 (H, W) in [0, 1], of any size from that of the
# pictures (drawing.at_picture_size) up.
EXPLANATIONS: dict[str, Callable[[Explanation, np.ndarray], bytes]] = {
    JSON: explanation_json.render_explanation,
    PNG: overlay_png.render_explanation,
}


def format_names(table: Mapping[str, object]) -> dict[str, str]:
    """Name in a request's `format` -> media type, of a table above: {"json": "application/json", ...}."""
    return {media_type.rpartition("/")[2]: media_type for media_type in table}
