"""The report, item by item."""

from __future__ import annotations

import io
from dataclasses import replace

import pydicom
import pytest
from highdicom.sr import MeasurementReport, srread

from model_src.calibration.judgement import InScope, Judgement
from model_src.calibration.reliability import Band
from outputs.dicom.film import read_film
from outputs.dicom.objects import prediction_objects
from tests.outputs.dicom.conftest import MADE


def value(item):
    """What an item says, shortly."""
    if item.ValueType == "NUM":
        measured = item.MeasuredValueSequence[0]
        return float(measured.NumericValue), measured.MeasurementUnitsCodeSequence[0].CodeValue
    if item.ValueType == "CODE":
        code = item.ConceptCodeSequence[0]
        return code.CodeValue, code.CodingSchemeDesignator
    if item.ValueType == "IMAGE":
        return item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    return item.get("TextValue") or item.get("UID")


def items(container):
    """Name of each item below a container -> what it says, in order."""
    found: dict[str, list] = {}
    for item in container.ContentSequence:
        found.setdefault(item.ConceptNameCodeSequence[0].CodeMeaning, []).append(value(item))
    return found


def groups(report):
    (measurements,) = (each for each in report.ContentSequence if each.ValueType == "CONTAINER")
    return list(measurements.ContentSequence)


@pytest.fixture
def found(make_objects):
    return make_objects()["report"]


def test_it_is_complete_preliminary_and_unverified(found):
    assert (found.CompletionFlag, found.PreliminaryFlag, found.VerificationFlag) == (
        "COMPLETE",
        "PRELIMINARY",
        "UNVERIFIED",
    )
    assert found.ContentTemplateSequence[0].TemplateIdentifier == "1500"


def test_it_is_about_the_film(found):
    (study,) = found.CurrentRequestedProcedureEvidenceSequence
    (series,) = study.ReferencedSeriesSequence
    (image,) = series.ReferencedSOPSequence
    assert (study.StudyInstanceUID, series.SeriesInstanceUID) == ("1.2.3.1", "1.2.3.2")
    assert image.ReferencedSOPInstanceUID == "1.2.3.3"
    said = items(found)
    assert said["Procedure reported"] == [("36554-4", "LN")]
    assert said["Device Observer Name"] == ["CoroNet Serve"]
    assert said["Device Observer Serial Number"] == [found.DeviceSerialNumber]


def test_the_finding_has_its_code_probability_and_model(found):
    said = items(groups(found)[0])
    assert said["Finding"] == [("840539006", "SCT")]
    assert said["Probability"] == [(88.0, "%")]
    assert said["Probability of Healthy"] == [(2.0, "%")]
    assert said["Probability of Pneumonia"] == [(10.0, "%")]
    assert "Probability of COVID-19" not in said
    assert (said["Algorithm Name"], said["Algorithm Version"]) == (["CoroNet"], ["1.0"])
    assert said["Algorithm Parameters"] == ["SHA-256 of cin.pt: " + "b" * 64, "SHA-256 of tfen.pt: " + "a" * 64]
    assert said["Source of Measurement"] == ["1.2.3.3"]
    assert said["Comment"] == ["research use only, not for diagnosis", "the film is small"]


def test_the_explanation_has_its_class_method_and_scores(found):
    said = items(groups(found)[1])
    assert said["Class that is explained"] == [("233604007", "SCT")]
    assert said["Algorithm Name"] == ["saliency"]
    assert said["Algorithm Family"] == [("130404", "DCM")]
    assert said["Algorithm Parameters"] == ['{"score_steps": 12, "seed": 0, "steps": 1}']
    assert said["Probability of the explained class, film as it is"] == [(10.0, "%")]
    assert said["Probability of the explained class, film as the method left it"] == [(25.0, "%")]
    assert said["Area under the deletion curve (low is good)"] == [(0.31, "1")]
    assert said["Area under the insertion curve (high is good)"] == [(0.72, "1")]
    assert said["Comment"] == ["the map: 1 = speaks most for the target", "a warning of the method"]


@pytest.mark.parametrize(("label", "code"), [(0, "17621005"), (1, "233604007"), (2, "840539006")])
def test_each_class_has_a_code(explanation, make_film, label, code):
    prediction = replace(explanation.prediction, label=label)
    (content,) = prediction_objects(prediction, read_film(make_film()), MADE).values()
    (group,) = groups(pydicom.dcmread(io.BytesIO(content)))
    assert items(group)["Finding"] == [(code, "SCT")]


@pytest.mark.parametrize(
    ("band", "scope", "comments"),
    [
        (
            Band(0.8, 0.9, 100, 69),
            None,
            ["of 100 such answers on validation films, 69 were right"],
        ),
        (
            Band(0.8, 0.9, 0, 0),
            InScope(False, 2.0, 1.0, "looks like no frontal chest film"),
            [
                "not a film that the model can be asked about: looks like no frontal chest film",
                "no validation film had such an answer",
            ],
        ),
    ],
)
def test_what_validation_films_say_is_a_comment(make_objects, explanation, band, scope, comments):
    judgement = Judgement({"90": (2, 1), "95": ()}, band, scope)
    found = make_objects({"prediction": replace(explanation.prediction, judgement=judgement)})["report"]
    assert items(groups(found)[0])["Comment"][1:-1] == [
        *comments,
        "classes that the answer leaves open at 90%: COVID-19, Pneumonia",
        "classes that the answer leaves open at 95%: none of the classes fits",
    ]


def test_highdicom_reads_it_back(found):
    buffer = io.BytesIO()
    found.save_as(buffer)
    buffer.seek(0)
    content = srread(buffer).content
    assert isinstance(content, MeasurementReport)
    (first, second) = content.get_image_measurement_groups()
    assert first.finding_type.value == "840539006"
    assert [each.value for each in first.get_measurements()] == [88.0, 2.0, 10.0]
    assert "233604007" in {each.value.value for each in second.get_qualitative_evaluations()}


def test_containers_are_read_item_by_item(found):
    # Else viewers run values into one line without their names.
    assert {each.ContinuityOfContent for each in (found, *groups(found))} == {"SEPARATE"}
