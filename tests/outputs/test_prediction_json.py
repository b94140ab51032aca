"""The JSON of a prediction: strict, rounded to what float32 holds, its warnings in order."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from inference.results import Prediction, XrayInfo
from model_src.classes import COVID
from outputs.prediction_json import join_json, prediction_object, render_prediction, to_json

PREDICTION = Prediction(
    probabilities=tuple(np.float32([0.1, 0.2, 0.7]).tolist()),
    label=COVID,
    residual_means=(0.25, 0.5),
    xray=XrayInfo("DICOM", 3000, 2000, ("of the image",)),
    model_version="2.1",
    warnings=("of the model",),
)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_is_strict(value):
    with pytest.raises(ValueError, match="JSON compliant"):
        to_json({"value": value})


def test_prediction_rounds_to_what_float32_holds_and_joins_warnings():
    assert render_prediction(PREDICTION) == (
        b'{"model": "coronet", "model_version": "2.1", "label": "COVID-19", '
        b'"probabilities": {"Healthy": 0.1, "Pneumonia": 0.2, "COVID-19": 0.7}, '
        b'"residual": {"healthy": 0.25, "pneumonia": 0.5}, '
        b'"image": {"format": "DICOM", "width": 3000, "height": 2000}, "warnings": ["of the model", "of the image"]}'
    )


def test_warnings_of_a_method_stand_between_those_of_model_and_image():
    warnings = prediction_object(PREDICTION, ["of the method"])["warnings"]
    assert warnings == ["of the model", "of the method", "of the image"]


def test_a_list_is_the_json_of_its_objects():
    assert join_json([b'{"a": 1}']) == b'{"predictions": [{"a": 1}]}'
    both = join_json([b'{"a": 1}', b'{"b": "\xc3\xa9"}'])
    assert json.loads(both) == {"predictions": [{"a": 1}, {"b": "é"}]}
    assert both == to_json({"predictions": [{"a": 1}, {"b": "é"}]})
