"""calibration.json: written, read, and refused in one line where it is damaged or not of these weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model_src.calibration.file import CALIBRATION_FILE, Calibration
from model_src.calibration.judge import Judge
from model_src.calibration.reliability import Band
from model_src.classes import CLASS_NAMES
from model_src.errors import ArtefactError
from tests.model_src.calibration.test_scope import make_scope

WEIGHTS = {"cin.pt": "ab", "fpae_healthy.pt": "cd", "fpae_pneumonia.pt": "ef"}


def calibration(**changes: Any) -> Calibration:
    values: dict[str, Any] = {
        "weights": WEIGHTS,
        "films": {"Healthy": 100, "Pneumonia": 80, "COVID-19": 12},
        "patients": 150,
        "lowest_probability": {"90": (0.3, 0.4, 0.2), "95": (0.2, 0.1, 0.0)},
        "reliability": {
            "Healthy": (Band(0.0, 0.9, 40, 25), Band(0.9, 1.0, 60, 57)),
            "Pneumonia": (Band(0.0, 1.0, 92, 70),),
            "COVID-19": (Band(0.0, 1.0, 0, 0),),
        },
    }
    return Calibration(**{**values, **changes})


def test_it_comes_back_as_it_was_written() -> None:
    for each in (calibration(), calibration(scope=make_scope())):
        assert CALIBRATION_FILE.parse(CALIBRATION_FILE.text(each).encode(), "x") == each


def test_an_answer_is_judged_by_hand() -> None:
    judged = Judge(calibration()).judge((0.25, 0.6, 0.15), 1, None)
    assert judged.sets == {"90": (1,), "95": (1, 0, 2)}
    assert (judged.such_answers.answers, judged.such_answers.right) == (92, 70)
    assert judged.in_scope is None
    assert Judge(calibration()).judge((0.9, 0.1, 0.0), 0, None).such_answers == Band(0.9, 1.0, 60, 57)


def test_it_describes_itself() -> None:
    assert Judge(calibration(scope=make_scope())).describe() == {
        "films": {"Healthy": 100, "Pneumonia": 80, "COVID-19": 12},
        "patients": 150,
        "levels": [90, 95],
        "always_in_set": {"95": ["COVID-19"]},
        "in_scope_percent": 95.0,
    }


def test_of_other_weights(tmp_path: Path) -> None:
    path = tmp_path / "calibration.json"
    assert CALIBRATION_FILE.read(path, WEIGHTS) is None
    path.write_text(CALIBRATION_FILE.text(calibration()), encoding="utf-8")
    assert CALIBRATION_FILE.read(path, WEIGHTS) == calibration()
    with pytest.raises(
        ArtefactError, match=r"made with other weights than those beside it; make it again with: coronet"
    ):
        CALIBRATION_FILE.read(path, {**WEIGHTS, "cin.pt": "00"})


def _damaged(name: str) -> bytes:
    facts = json.loads(CALIBRATION_FILE.text(calibration(scope=make_scope())))
    match name:
        case "cut":
            return CALIBRATION_FILE.text(calibration()).encode()[:100]
        case "no UTF-8":
            return b"\xff\xfe{}"
        case "a list":
            return b"[]"
        case "of another version":
            facts["format_version"] = 2
        case "a level missing":
            del facts["lowest_probability"]["95"]
        case "two classes":
            facts["lowest_probability"]["90"] = [0.1, 0.2]
        case "a class missing":
            del facts["films"][CLASS_NAMES[0]]
        case "no band":
            facts["reliability"]["Healthy"] = []
        case "a probability above 1":
            facts["lowest_probability"]["90"][1] = 1.5
        case "no weights":
            del facts["weights"]
        case "arrays cut":
            facts["scope"]["axes"]["float16"] = facts["scope"]["axes"]["float16"][:40]
        case "no text":
            facts["scope"]["axes"]["float16"] = "?"
    return json.dumps(facts).encode()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cut", "cannot be read"),
        ("no UTF-8", "cannot be read"),
        ("a list", "found format version list, need 1"),
        ("of another version", "found format version 2, need 1"),
        ("a level missing", "not of the levels 90, 95"),
        ("two classes", "lowest_probability"),
        ("a class missing", "not of the classes Healthy, Pneumonia, COVID-19"),
        ("no band", "a class has no band of answers"),
        ("a probability above 1", "found 1.5, need"),
        ("no weights", "weights: found nothing"),
        ("arrays cut", "scope.axes"),
        ("no text", "scope.axes"),
    ],
)
def test_a_damaged_file_is_one_line(name: str, said: str) -> None:
    with pytest.raises(ArtefactError) as caught:
        CALIBRATION_FILE.parse(_damaged(name), "calibration.json")
    message = str(caught.value)
    assert message.startswith("calibration.json: ")
    assert said in message
    assert "\n" not in message
    assert message.endswith("make it again with: coronet calibrate RUN_DIR DATA_DIR")
    assert len(message) < 400
