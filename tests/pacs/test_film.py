"""What is taken and what is not; a reason repeats nothing of a header and fits DICOM's Error Comment."""

from __future__ import annotations

import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from pacs.film import (
    FILM_CLASSES,
    NO_CLASS,
    NO_MATCH,
    NO_PIXELS,
    NOT_CHEST,
    NOT_FOR_VIEWING,
    NOT_FRONTAL,
    NOT_READ,
    TOO_LARGE,
    Refused,
    check_class,
    check_film,
    read_uids,
)
from tests.fixtures.films import MARK, film, film_uid

LARGEST = 1_000_000


def view(code: str) -> list[Dataset]:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "SCT", MARK
    return [item]


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"ViewPosition": "AP"},
        {"ViewPosition": None},
        {"BodyPartExamined": None},
        {"Modality": "DX", "SOPClassUID": uid.DigitalXRayImageStorageForPresentation},
        {"ViewCodeSequence": view("272479007")},
        {"PatientName": None, "PatientID": None},
    ],
)
def test_frontal_chest_films_are_taken(header):
    assert check_film(film(1, **header), LARGEST) == film_uid(1)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"SOPClassUID": uid.CTImageStorage, "Modality": "CT"}, NO_CLASS),
        ({"SOPClassUID": uid.SecondaryCaptureImageStorage}, NO_CLASS),
        ({"SOPClassUID": "1.2.3.4.5"}, NO_CLASS),
        ({"SOPClassUID": uid.DigitalXRayImageStorageForProcessing}, NOT_FOR_VIEWING),
        ({"PresentationIntentType": "FOR PROCESSING"}, NOT_FOR_VIEWING),
        ({"Modality": "CT"}, NOT_READ),
        ({"Modality": MARK}, NOT_READ),
        ({"NumberOfFrames": "3"}, NOT_READ),
        ({"ViewPosition": "LL"}, NOT_FRONTAL),
        ({"ViewPosition": MARK}, NOT_FRONTAL),
        ({"ViewPosition": None, "ViewCodeSequence": view("399173006")}, NOT_FRONTAL),
        ({"BodyPartExamined": "HAND"}, NOT_CHEST),
        ({"BodyPartExamined": MARK}, NOT_CHEST),
        ({"PixelData": None}, NO_PIXELS),
        ({"StudyInstanceUID": None}, NO_MATCH),
        ({"SeriesInstanceUID": ""}, NO_MATCH),
        ({"StudyInstanceUID": "1." * 40}, NO_MATCH),
    ],
)
@pytest.mark.filterwarnings("ignore:.*Invalid value for VR UI:UserWarning", "ignore:.*exceeds the maximum:UserWarning")
def test_everything_else_is_told_why_not(header, status):
    with pytest.raises(Refused) as caught:
        check_film(film(1, **header), LARGEST)
    assert caught.value.status == status
    assert len(str(caught.value)) <= 64
    assert MARK not in str(caught.value)


def test_a_film_that_is_too_large():
    with pytest.raises(Refused, match="found 1 MB, need at most 0 MB") as caught:
        check_film(film(1, size=600), 500_000 - 1)
    assert caught.value.status == TOO_LARGE


@pytest.mark.parametrize("data", [b"", b"\0" * 132, b"no DICOM at all", b"\xff" * 1000, film(1)[:200]])
def test_bytes_that_are_no_film(data):
    with pytest.raises(Refused):
        check_film(data, LARGEST)


def test_a_film_that_is_cut_anywhere_is_a_film_or_refused():
    whole = film(1, size=8)
    for end in range(0, len(whole), 7):
        try:
            assert check_film(whole[:end], LARGEST) == film_uid(1)
        except Refused:
            continue


def test_uids_are_read_as_they_stand():
    assert read_uids(film(1, StudyInstanceUID=None)) == {
        "SOPClassUID": uid.ComputedRadiographyImageStorage,
        "SOPInstanceUID": film_uid(1),
        "SeriesInstanceUID": "1.2.826.0.1.3680043.8.498.2.1",
        "StudyInstanceUID": "",
    }


def test_the_longest_names_of_kinds_fit():
    for each, entry in uid.UID_dictionary.items():
        if entry[1] == "SOP Class" and each not in FILM_CLASSES:
            with pytest.raises(Refused) as caught:
                check_class(each)
            assert len(str(caught.value)) <= 64
