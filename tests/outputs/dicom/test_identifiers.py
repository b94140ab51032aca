"""UIDs follow from the question, and from nothing else."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from uuid import UUID, uuid5

import pytest
from pydicom.dataset import Dataset

from outputs.dicom.identifiers import explanation_key, make_uid, model_digest, prediction_key


@pytest.fixture
def film():
    made = Dataset()
    made.SOPInstanceUID = "1.2.3.3"
    return made


def test_a_uid_is_a_uuid_in_decimal():
    uid = make_uid("object", "report")
    number = uuid5(UUID("6b7c1d0e-52f4-4c7a-9f0b-3a1d8e94c2d5"), '["object", "report"]').int
    assert uid == f"2.25.{number}"
    assert len(uid) <= 64


def test_parts_do_not_run_into_each_other():
    assert make_uid("ab", "c") != make_uid("a", "bc") != make_uid("abc")


def test_the_digest_of_a_model_is_what_sha256sum_prints():
    lines = b"b" * 64 + b"  cin.pt\n" + b"a" * 64 + b"  tfen.pt\n"
    assert model_digest({"tfen.pt": "a" * 64, "cin.pt": "b" * 64}) == sha256(lines).hexdigest()


def test_the_same_question_has_the_same_key(explanation, film):
    # What was found does not matter: a worker on another machine may differ in the last digit.
    other = replace(explanation, deletion=0.5, heatmap=explanation.heatmap * 0)
    assert explanation_key(explanation, film) == explanation_key(other, film)


@pytest.mark.parametrize(
    "change", [{"method": "occlusion"}, {"target": 2}, {"steps": 2}, {"options": {"steps": 1, "seed": 1}}]
)
def test_another_question_has_another_key(explanation, film, change):
    assert explanation_key(explanation, film) != explanation_key(replace(explanation, **change), film)


@pytest.mark.parametrize("change", [{"model_version": "2.0"}, {"digests": {"cin.pt": "c" * 64}}])
def test_another_model_has_another_key(explanation, film, change):
    prediction = explanation.prediction
    assert prediction_key(prediction, film) != prediction_key(replace(prediction, **change), film)


def test_another_film_has_another_key(explanation, film):
    before = prediction_key(explanation.prediction, film)
    film.SOPInstanceUID = "1.2.3.4"
    assert prediction_key(explanation.prediction, film) != before
