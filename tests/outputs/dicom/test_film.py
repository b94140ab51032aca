"""What results take from a film: valid values as they are, nothing else, and no result without its study."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from model_src.errors import InvalidImage, NotAcceptable, UnsupportedImage
from outputs.dicom.film import give_identity, read_film, without_identity
from tests.image_writers import write_dicom, write_picture

SAMPLES = np.zeros((8, 8), np.uint16)
UIDS = {"StudyInstanceUID": "1.2.3.1", "SeriesInstanceUID": "1.2.3.2"}


def test_values_are_taken_as_they_are(make_film):
    film = read_film(make_film(PatientName="Müller^Ä", SpecificCharacterSet="ISO_IR 100"))
    assert (film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID) == ("1.2.3.1", "1.2.3.2", "1.2.3.3")
    assert (str(film.PatientName), film.PatientID, film.PatientAge) == ("Müller^Ä", "4711", "076Y")
    assert film.SpecificCharacterSet == "ISO_IR 192"
    assert (film.Rows, film.Columns) == (30, 40)
    assert "PixelData" not in film


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 192", "Иванов^Иван"),
        ("ISO_IR 144", "Иванов^Иван"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ("GB18030", "Wang^Xiao=王^小东"),
        ("ISO_IR 192", "Yamada^Tarou=山田\u3000太郎"),  # a wide space
        ("ISO_IR 192", "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627"),  # a joiner of width zero
    ],
)
def test_names_in_any_character_set(make_film, charset, name):
    made = Dataset()
    give_identity(read_film(make_film(PatientName=name, SpecificCharacterSet=charset)), made)
    assert str(made.PatientName) == name
    assert made.SpecificCharacterSet == "ISO_IR 192"


@pytest.mark.parametrize(
    ("keyword", "vr", "value"),
    [
        ("PatientAge", "AS", "62"),  # of a public collection
        ("PatientBirthDate", "DA", "1950-01-02"),
        ("StudyDate", "DA", "ANONYMIZED"),
        ("StudyTime", "TM", "noon"),
        ("PatientSex", "CS", "male"),
        ("PatientSex", "CS", "X"),
        ("PatientBirthTime", "TM", "noon"),
        ("PatientName", "PN", "a\r\n--coronet"),
        ("StudyDescription", "LO", "a\vb"),
        ("PatientIdentityRemoved", "CS", "YES"),  # without a method
        ("PixelSpacing", "DS", ["0.1"]),
        ("PixelSpacing", "DS", ["", ""]),
        ("WindowWidth", "DS", "1e400"),
        ("LossyImageCompression", "CS", "YES"),
        ("ClinicalTrialSponsorName", "LO", "a sponsor without protocol and subject"),
        ("Rows", "US", []),
    ],
)
def test_values_that_are_not_allowed_are_left_out(keyword, vr, value):
    element = DataElement(keyword, vr, value, validation_mode=0)
    film = read_film(write_dicom(SAMPLES, elements=[element], **UIDS))
    assert not film.get(keyword)


@pytest.mark.parametrize("value", ["4" * 65, ["1", "2"], "4\v7"])
def test_a_patient_id_that_is_not_allowed_is_refused_since_results_would_be_filed_under_another(value):
    element = DataElement("PatientID", "LO", value, validation_mode=0)
    with pytest.raises(NotAcceptable, match=r"^found a DICOM film whose PatientID DICOM does not allow") as error:
        read_film(write_dicom(SAMPLES, elements=[element], **UIDS))
    assert "4" not in str(error.value)


def test_items_are_copied_without_private_elements():
    other = Dataset()
    other.PatientID, other.TypeOfPatientID = "X1", "TEXT"
    other.private_block(0x0009, "MAKER", create=True).add_new(0x10, "LO", "private")
    (item,) = read_film(write_dicom(SAMPLES, OtherPatientIDsSequence=[other], **UIDS)).OtherPatientIDsSequence
    assert [element.keyword for element in item] == ["PatientID", "TypeOfPatientID"]


def test_a_sequence_whose_items_lack_what_they_must_have_is_left_out():
    other = Dataset()
    other.PatientID = "X1"  # without its type
    assert "OtherPatientIDsSequence" not in read_film(write_dicom(SAMPLES, OtherPatientIDsSequence=[other], **UIDS))


def test_what_is_unknown_is_empty():
    film = read_film(write_dicom(SAMPLES, PatientName=None, **UIDS))
    always = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "AccessionNumber")
    assert [str(film[keyword].value or "") for keyword in always] == [""] * 6
    assert "PatientAge" not in film


def test_a_clinical_trial_is_kept_where_its_subject_is_known():
    known = {"ClinicalTrialSponsorName": "S", "ClinicalTrialProtocolID": "P", "ClinicalTrialSubjectID": "4"}
    film = read_film(write_dicom(SAMPLES, **UIDS, **known))
    assert {keyword: film[keyword].value for keyword in known} == known
    assert film.ClinicalTrialSiteName == ""


def test_uids_of_the_object_may_be_in_the_file_meta_information():
    film = read_film(write_dicom(SAMPLES, SOPInstanceUID=None, SOPClassUID=None, **UIDS))
    assert (film.SOPInstanceUID, film.SOPClassUID.name) == ("1.2.3.4", "Computed Radiography Image Storage")


@pytest.mark.parametrize("missing", ["StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_film_that_names_no_study_is_refused(make_film, missing, value):
    with pytest.raises(NotAcceptable, match=rf"^found a DICOM film without {missing}, need it"):
        read_film(make_film(**{missing: value}))


@pytest.mark.parametrize("value", ["anonymous", "1..2", "1.2.", "1." * 40 + "1"])
def test_a_uid_that_is_none_is_refused(value):
    element = DataElement("StudyInstanceUID", "UI", value, validation_mode=0)
    film = write_dicom(SAMPLES, elements=[element], SeriesInstanceUID="1.2")
    with pytest.raises(NotAcceptable, match=r"StudyInstanceUID is no UID, need one .* ask for application/json$"):
        read_film(film)


def test_other_files_are_refused():
    with pytest.raises(NotAcceptable, match=r"^found a PNG file, need a DICOM file for an answer in DICOM"):
        read_film(write_picture(np.zeros((8, 8), np.uint8)))
    with pytest.raises(UnsupportedImage, match="PDF"):
        read_film(b"%PDF-1.4")
    with pytest.raises(InvalidImage):
        read_film(b"nothing at all")


def test_highdicom_is_shown_no_patient(make_film):
    shown = without_identity(read_film(make_film(OtherPatientIDsSequence=[Dataset()])))
    assert not shown.PatientName
    assert not {"4711", "19500102", "Doctor^A", "A1", "076Y"} & {str(each.value) for each in shown}
    assert shown.StudyInstanceUID == "1.2.3.1"
