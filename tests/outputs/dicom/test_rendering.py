"""DICOM by media type: who gets it, who is refused, before anything is computed; and that nobody else pays for it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from client.multipart import split_parts
from handlers.limits import Limits
from handlers.service import Request, respond
from outputs.dicom import rendering
from tests.image_writers import smooth_film, write_dicom

ROOT = Path(__file__).parents[3]
PARTS = 'multipart/related; type="application/dicom"'
QUICK = {"method": b"saliency", "score_steps": b"4"}
FILM = write_dicom(smooth_film(), StudyInstanceUID="1.2.1", SeriesInstanceUID="1.2.2")


@pytest.fixture
def ask(predictor):
    def run(row, explain=False, accept=None):
        (response,) = respond(predictor, Limits(), [Request(row, explain=explain, accept=accept)])
        return response

    return run


def objects(response):
    assert response.status == 200, response.body
    parts = split_parts(response.content_type, response.body)
    return {name: pydicom.dcmread(io.BytesIO(content)) for name, content in parts.items()}


@pytest.mark.parametrize(
    "accept",
    [
        PARTS,
        "multipart/related;type=application/dicom",
        'Multipart/Related; type="application/dicom"; transfer-syntax=*',
        "multipart/related",
    ],
)
def test_a_prediction_of_a_film_is_a_report(ask, accept):
    found = objects(ask({"body": FILM}, accept=accept))
    assert list(found) == ["report"]
    assert found["report"].StudyInstanceUID == "1.2.1"


@pytest.mark.parametrize("accept", ["multipart/related; type=image/png", f"{PARTS}, */*", "multipart/mixed", "*/*"])
def test_what_names_something_else_is_answered_in_json(ask, accept):
    assert ask({"body": FILM}, accept=accept).content_type == "application/json"


@pytest.mark.parametrize(("fields", "accept"), [({"format": b"dicom"}, None), ({}, PARTS)])
def test_an_explanation_of_a_film_is_all_objects(ask, fields, accept):
    found = objects(ask({"data": FILM, **QUICK, **fields}, explain=True, accept=accept))
    assert list(found) == ["report", "map", "picture", "outline"]
    assert found["map"].Rows == 28
    assert found["report"].DeviceSerialNumber == found["picture"].DeviceSerialNumber


def test_the_report_alone(ask):
    predicted = ask({"body": FILM}, accept="application/dicom")
    explained = ask({"data": FILM, **QUICK, "format": b"dicom-report"}, explain=True)
    for response in (predicted, explained):
        assert response.content_type == "application/dicom"
        assert pydicom.dcmread(io.BytesIO(response.body)).SOPClassUID.name == "Comprehensive 3D SR Storage"


def test_the_same_request_has_the_same_uids(ask):
    row = {"data": FILM, **QUICK, "format": b"dicom"}
    first, second = (objects(ask(row, explain=True)) for _ in range(2))
    assert {name: each.SOPInstanceUID for name, each in first.items()} == {
        name: each.SOPInstanceUID for name, each in second.items()
    }


@pytest.mark.parametrize("explain", [False, True])
@pytest.mark.parametrize("accept", [PARTS, "application/dicom"])
def test_other_images_are_refused_before_anything_is_computed(ask, predictor, chest_png, monkeypatch, explain, accept):
    def fail(*_args):
        raise AssertionError("computed")

    monkeypatch.setattr(type(predictor), "predict", fail)
    monkeypatch.setattr(type(predictor), "explain", fail)
    for image, found in ((chest_png, "a PNG file"), (write_dicom(smooth_film()), "a DICOM film without StudyInstance")):
        response = ask({"data": image, **(QUICK if explain else {})}, explain, accept)
        said = json.loads(response.body)
        assert (response.status, response.phrase, said["type"]) == (406, "Not Acceptable", "NotAcceptable")
        assert said["message"].startswith(f"found {found}")
        assert said["message"].endswith("ask for application/json")


def test_a_refused_neighbour_changes_nothing(predictor, chest_png):
    requests = [
        Request({"body": chest_png}, explain=False, accept=PARTS),
        Request({"body": FILM}, explain=False, accept=PARTS),
        Request({"body": chest_png}, explain=False),
    ]
    refused, film, plain = respond(predictor, Limits(), requests)
    assert (refused.status, film.status, plain.status) == (406, 200, 200)
    assert list(objects(film)) == ["report"]


def test_lists_are_answered_in_json_alone(ask):
    import base64

    listed = {"instances": [{"data": base64.b64encode(FILM).decode()}]}
    assert ask(listed, accept=PARTS).content_type == "application/json"
    response = ask({**listed, "format": "dicom"}, explain=True)
    assert json.loads(response.body)["message"].endswith(
        "dicom is for one image per request, need json in a list of images"
    )


def test_without_highdicom_only_dicom_is_refused(ask, monkeypatch):
    monkeypatch.setattr(rendering, "find_spec", lambda name: None)
    said = json.loads(ask({"body": FILM}, accept=PARTS).body)
    assert (said["code"], said["type"]) == (406, "NotAcceptable")
    assert said["message"].startswith(
        "this server makes no DICOM, since highdicom is missing: ask for application/json"
    )
    assert ask({"body": FILM}).status == 200


def test_highdicom_is_loaded_by_the_first_answer_that_needs_it():
    code = "import sys, handlers.service; sys.exit('highdicom' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_film_of_one_shape_is_mapped_edge_to_edge(ask):
    film = write_dicom(
        np.ascontiguousarray(smooth_film(64)[:, :32]), StudyInstanceUID="1.2.1", SeriesInstanceUID="1.2.2"
    )
    found = objects(ask({"data": film, **QUICK, "format": b"dicom"}, explain=True))["map"]
    measures = found.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    rows, columns = (float(spacing) for spacing in measures.PixelSpacing)
    assert (rows * found.Rows, columns * found.Columns) == pytest.approx((64, 32))  # 1 mm a pixel
