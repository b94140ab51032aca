"""What a DICOM film's results take from it: patient, study, references and geometry, each value valid or absent.

Objects of a study must agree on patient and study, so these are copied as they are. A value that DICOM does not allow
(age "62", a date with hyphens) is left out: it would make each result invalid too.
"""

from __future__ import annotations

from copy import deepcopy

from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pydicom.valuerep import validate_value

from model_src.errors import NotAcceptable
from model_src.imaging.decoding import decoding
from model_src.imaging.dicom.parse import parse_dicom
from model_src.imaging.formats import find_format

# Type 2: there, and empty where nothing is known.
_ALWAYS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
# There where the film has them.
_PATIENT_AND_STUDY = (
    "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence", "PatientBirthTime",
    "PatientIdentityRemoved", "DeidentificationMethod", "DeidentificationMethodCodeSequence",
    "ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialProtocolName", "ClinicalTrialSiteID",
    "ClinicalTrialSiteName", "ClinicalTrialSubjectID", "ClinicalTrialSubjectReadingID",
    "StudyDescription", "IssuerOfAccessionNumberSequence", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
_IMAGE = (
    "Modality", "PatientOrientation", "BurnedInAnnotation",
    "FrameOfReferenceUID", "ImagePositionPatient", "ImageOrientationPatient",
    "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing",
    "LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    "SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns", "PixelRepresentation",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "ModalityLUTSequence",
    "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence",
)  # fmt: skip
_IDENTIFIERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID")
_SEXES = ("M", "F", "O")
_LONGEST_UID = 64


def read_film(image: bytes) -> Dataset:
    """The header of a film, as far as its results need it: text in UTF-8, without pixels.

    Raises:
        NotAcceptable: no DICOM file, or one that does not say which study, series and image it is.
        InvalidImage, UnsupportedImage: not an image at all, or damaged.
    """
    if (name := find_format(image).name) != "DICOM":
        raise NotAcceptable(f"found a {name} file, need a DICOM file for an answer in DICOM; ask for application/json")
    with decoding("DICOM"):  # values are converted when they are asked for
        return _read(parse_dicom(image, [], (*_IDENTIFIERS, *_ALWAYS, *_PATIENT_AND_STUDY, *_IMAGE)))


def _read(source: Dataset) -> Dataset:
    film = Dataset()
    film.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _IDENTIFIERS:
        setattr(film, keyword, _identifier(source, keyword))
    for keyword in (*_ALWAYS, *_PATIENT_AND_STUDY, *_IMAGE):
        element = _valid_element(source, keyword)
        if element is not None:
            film.add(element)
        elif keyword in _ALWAYS:
            setattr(film, keyword, "")
    return film


def without_identity(film: Dataset) -> Dataset:
    """A copy that names no patient: highdicom's warnings quote names, and may end up in a log."""
    copy = deepcopy(film)
    for keyword in _PATIENT_AND_STUDY:
        copy.pop(keyword, None)
    for keyword in _ALWAYS:
        setattr(copy, keyword, "")
    return copy


def give_identity(film: Dataset, made: Dataset) -> None:
    """Make an object one of the film's patient and study."""
    made.SpecificCharacterSet = film.SpecificCharacterSet
    for keyword in (*_ALWAYS, *_PATIENT_AND_STUDY):
        if keyword in film:
            made[keyword] = deepcopy(film[keyword])


def _identifier(source: Dataset, keyword: str) -> UID:
    """A UID that must be there."""
    value = str(source.get(keyword) or source.file_meta.get(f"MediaStorage{keyword}") or "").strip("\0 ")
    if not value:
        raise NotAcceptable(
            f"found a DICOM film without {keyword}, need it to file results in its study; ask for application/json"
        )
    if len(value) > _LONGEST_UID or not all(part.isdecimal() and part.isascii() for part in value.split(".")):
        raise NotAcceptable(
            f"found a DICOM film whose {keyword} is no UID, need one to file results in its study; "
            "ask for application/json"
        )
    return UID(value)


def _valid_element(source: Dataset, keyword: str) -> DataElement | None:
    """A copy of an element; None where it is absent, empty, or holds what its kind of value may not."""
    try:
        element = deepcopy(source[keyword])
        valid = not element.is_empty and _is_valid(element)
    except Exception:  # pydicom converts a value when it is asked for, and fails with many exceptions
        return None
    return element if valid and not (keyword == "PatientSex" and element.value not in _SEXES) else None


def _is_valid(element: DataElement) -> bool:
    """Whether a value, and each value of a sequence's items, is one that DICOM allows; raises for some that are not."""
    if element.VR == "SQ":
        return all(_is_valid(each) for item in element.value for each in item)
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        as_text = element.VR in ("DS", "IS") or not isinstance(value, int | float | bytes)  # numbers written as text
        validate_value(element.VR, str(value) if as_text else value, config.RAISE)
    return True
