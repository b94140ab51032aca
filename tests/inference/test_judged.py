"""Predictions of a calibrated model, worked out by hand: sets, counts, scope; and nothing else changes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from handlers.measurements import Measurements
from inference.predictor import Predictor
from model_src.errors import ArtefactError
from outputs.prediction_json import render_prediction
from tests.fixtures.calibrated import calibrated, calibrated_dir  # noqa: F401 (fixtures)


def test_a_black_film(calibrated: Predictor, make_png) -> None:  # noqa: F811
    """Logits 0, 20 (0.5 - 0.4) = 2 and -3: 0.1186, 0.8763 and 0.0059."""
    (found,) = calibrated.predict([calibrated.read(make_png(0))])
    answer = json.loads(render_prediction(found))
    assert answer["prediction_set"] == {"90": ["Pneumonia"], "95": ["Pneumonia", "Healthy", "COVID-19"]}
    assert answer["such_answers"] == {"answers": 60, "right": 50, "from": 0.8, "to": 1.0}
    scope = answer["in_scope"]
    assert (scope["value"], scope["threshold"]) == (True, 1.0)
    assert scope["reason"] == "like the films that the model was calibrated on"
    assert scope["score"] < 0.01
    assert list(answer) == [
        "model", "model_version", "label", "probabilities", "residual", "image",
        "prediction_set", "in_scope", "such_answers", "warnings",
    ]  # fmt: skip


def test_a_white_film_is_out_of_scope(calibrated: Predictor, make_png) -> None:  # noqa: F811
    """Log odds 100 (1 - 0.9) = 10, of which exp is the score."""
    (found,) = calibrated.predict([calibrated.read(make_png(255))])
    scope = json.loads(render_prediction(found))["in_scope"]
    assert not scope["value"]
    assert scope["score"] == pytest.approx(np.exp(10), rel=0.02)
    assert scope["reason"] == "looks like a chest film with black and white exchanged"


def test_nothing_else_of_an_answer_changes(calibrated: Predictor, predictor: Predictor, chest_png) -> None:  # noqa: F811
    plain, judged = (
        json.loads(render_prediction(each.predict([each.read(chest_png)])[0])) for each in (predictor, calibrated)
    )
    for name in ("prediction_set", "in_scope", "such_answers"):
        assert name not in plain
        del judged[name]
    assert judged == plain


def test_it_describes_its_calibration(calibrated: Predictor, predictor: Predictor) -> None:  # noqa: F811
    assert predictor.describe()["calibration"] is None
    assert calibrated.describe()["calibration"] == {
        "films": {"Healthy": 100, "Pneumonia": 80, "COVID-19": 12},
        "patients": 150,
        "levels": [90, 95],
        "always_in_set": {"95": ["COVID-19"]},
        "in_scope_percent": 95.0,
    }


def test_set_sizes_and_scope_are_counted(calibrated: Predictor, make_png) -> None:  # noqa: F811
    measured = Measurements()
    measured.predicted(calibrated.predict([calibrated.read(make_png(gray)) for gray in (0, 0, 255)]))
    # White: logits 0, 20 (0.2689 - 0.4) = -2.6 and -3, Healthy with 0.890: alone in the 90% set, and of the others
    # only COVID-19, from 0 on, is in the 95% set.
    assert measured.set_sizes == {"90": {1: 3}, "95": {3: 2, 2: 1}}
    assert measured.in_scope == {True: 2, False: 1}


def test_a_calibration_put_beside_other_artefacts_is_refused(
    hand_set_dir: Path,
    calibrated_dir: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    other = shutil.copytree(hand_set_dir, tmp_path / "other")
    shutil.copy(calibrated_dir / "calibration.json", other)
    with pytest.raises(ArtefactError, match=r"calibration.json: SHA-256 is .* records None"):
        Predictor(other)
