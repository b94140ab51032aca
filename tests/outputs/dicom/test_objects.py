"""What all objects have in common: the film's patient and study, their own series, UIDs and times that follow."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

import numpy as np
import pydicom
import pytest

from outputs.dicom.film import read_film
from outputs.dicom.objects import explanation_objects, explanation_report, prediction_objects
from tests.outputs.dicom.conftest import MADE, STUDY

CLASSES = {
    "report": "Comprehensive 3D SR Storage",
    "map": "Parametric Map Storage",
    "picture": "Secondary Capture Image Storage",
    "outline": "Grayscale Softcopy Presentation State Storage",
}


@pytest.fixture
def objects(make_objects):
    return make_objects()


def test_an_explanation_is_four_objects_and_a_prediction_one(objects, explanation, make_film):
    assert {name: each.SOPClassUID.name for name, each in objects.items()} == CLASSES
    found = prediction_objects(explanation.prediction, read_film(make_film()))
    assert list(found) == ["report"]


@pytest.mark.parametrize("name", CLASSES)
def test_each_is_of_the_films_patient_and_study(objects, name):
    found = objects[name]
    for keyword in set(STUDY) - {"SeriesInstanceUID", "SOPInstanceUID", "PatientOrientation"}:
        assert str(found[keyword].value) == STUDY[keyword]
    assert str(found.PatientName) == "Secret^Patient"
    assert found.SpecificCharacterSet == "ISO_IR 192"
    assert found.file_meta.TransferSyntaxUID.name == "Explicit VR Little Endian"


@pytest.mark.parametrize("name", CLASSES)
def test_each_has_a_series_of_its_own_and_says_what_made_it(objects, name):
    found = objects[name]
    others = [each for other, each in objects.items() if other != name]
    assert found.SeriesInstanceUID not in {"1.2.3.2", *(each.SeriesInstanceUID for each in others)}
    assert found.SOPInstanceUID not in {"1.2.3.3", *(each.SOPInstanceUID for each in others)}
    assert found.SOPInstanceUID.startswith("2.25.")
    assert found.SeriesDescription == f"CoroNet Serve {name}: research use only, not for diagnosis"
    assert found.Manufacturer == "CoroNet Serve (research use only, not for diagnosis)"
    assert len(found.DeviceSerialNumber) == 64
    assert (found.SeriesDate, found.SeriesTime) == ("20261127", "123015")
    assert (found.InstanceCreationDate, found.InstanceCreationTime) == ("20261127", "123015")
    if name != "report":
        assert found.BodyPartExamined == "CHEST"
        assert "Laterality" not in found


def test_the_same_film_twice_gives_the_same_bytes(explanation, make_film):
    pixels = np.zeros((30, 40), np.float32)
    first, second = (explanation_objects(explanation, pixels, read_film(make_film()), MADE) for _ in range(2))
    assert first == second


def test_at_another_time_the_uids_are_the_same_and_only_times_differ(explanation, make_film):
    pixels, film = np.zeros((30, 40), np.float32), read_film(make_film())
    first = explanation_objects(explanation, pixels, film, MADE)
    second = explanation_objects(explanation, pixels, film, MADE.replace(year=2027, hour=1))
    for name in CLASSES:
        before, after = (pydicom.dcmread(io.BytesIO(each[name])) for each in (first, second))
        different = {element.keyword for element in before if after[element.tag] != element}
        assert before.SOPInstanceUID == after.SOPInstanceUID
        assert different
        assert all(keyword.endswith(("Date", "Time", "SecondaryCapture")) for keyword in different)


def test_another_method_makes_other_objects(make_objects, objects):
    others = make_objects({"method": "occlusion"})
    for name in CLASSES:
        assert others[name].SOPInstanceUID != objects[name].SOPInstanceUID
        assert others[name].SeriesInstanceUID != objects[name].SeriesInstanceUID


def test_the_report_alone_is_that_of_all_objects(explanation, make_film):
    film = read_film(make_film())
    objects = explanation_objects(explanation, np.zeros((30, 40), np.float32), film, MADE)
    assert explanation_report(explanation, film, MADE) == objects["report"]


def test_nothing_says_who_the_patient_is_but_the_objects(explanation, make_film, caplog, capfd):
    # A name of one component is what highdicom warns of, quoting it; warnings are errors here.
    caplog.set_level("DEBUG")
    film = read_film(make_film(PatientName="Onlyname", ReferringPhysicianName="Alone", PatientID="ID-4711"))
    assert prediction_objects(replace(explanation.prediction, warnings=()), film)
    explanation_objects(explanation, np.zeros((30, 40), np.float32), film)
    said = caplog.text + "".join(capfd.readouterr())
    assert not any(word in said for word in ("Onlyname", "Alone", "4711"))


def test_no_log_tells_of_the_film(make_objects, caplog):
    caplog.set_level(logging.DEBUG)
    make_objects()
    for value in ("1.2.3.", "4711", "19500102", "Doctor", "Secret"):
        assert value not in caplog.text
