"""What a DICOM film's results take from it: patient, study, references and geometry, each value valid or absent.

Objects of a study must agree on patient and study, so these are copied as they are. A value that DICOM does not allow
(age "62", a date with hyphens) is left out: it would make each result invalid too.
"""

from __future__ import annotations

from copy import deepcopy
from math import isfinite
from unicodedata import category

from pydicom import config
from pydicom.datadict import dictionary_VM
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pydicom.valuerep import PersonName, validate_value

from model_src.errors import NotAcceptable
from model_src.imaging.decoding import decoding
from model_src.imaging.dicom.parse import parse_dicom
from model_src.imaging.formats import find_format

# Type 2: there, and empty where nothing is known.
_ALWAYS = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyDate", "StudyTime", "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip
_METHODS = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")
# There where the film has them.
_PATIENT_AND_STUDY = (
    "IssuerOfPatientID", "IssuerOfPatientIDQualifiersSequence", "OtherPatientIDsSequence", "PatientBirthTime",
    "PatientIdentityRemoved", *_METHODS,
    "StudyDescription", "IssuerOfAccessionNumberSequence", "PatientAge", "PatientSize", "PatientWeight",
)  # fmt: skip
# Of a clinical trial's subject: there with all of the first, or not at all; then the others are there, too.
_TRIAL_NEEDS = ("ClinicalTrialSponsorName", "ClinicalTrialProtocolID", "ClinicalTrialSubjectID")
_TRIAL = (*_TRIAL_NEEDS, "ClinicalTrialProtocolName", "ClinicalTrialSiteID", "ClinicalTrialSiteName")
_IDENTITY = (*_ALWAYS, *_PATIENT_AND_STUDY, *_TRIAL)
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
_ITEMS_NEED = {  # what each item of a sequence must have
    "OtherPatientIDsSequence": ("PatientID", "TypeOfPatientID"),
    "DeidentificationMethodCodeSequence": ("CodeMeaning",),
}
_ENUMERATED = {
    "PatientSex": ("M", "F", "O"),
    "PatientIdentityRemoved": ("YES", "NO"),
    "BurnedInAnnotation": ("YES", "NO"),
    "LossyImageCompression": ("00", "01"),
}
_LONGEST_UID = 64
_CONTROLS = ("Cc", "Cs", "Zl", "Zp")  # of Unicode: controls, half characters, ends of lines and of paragraphs


def read_film(image: bytes) -> Dataset:
    """The header of a film, as far as its results need it: text in UTF-8, without pixels.

    Raises:
        NotAcceptable: no DICOM file, or one that does not say which patient, study, series and image it is of.
        InvalidImage, UnsupportedImage: not an image at all, or damaged.
    """
    if (name := find_format(image).name) != "DICOM":
        raise NotAcceptable(f"found a {name} file, need a DICOM file for an answer in DICOM; ask for application/json")
    with decoding("DICOM"):  # values are converted when they are asked for
        return _read(parse_dicom(image, [], (*_IDENTIFIERS, *_IDENTITY, *_IMAGE)))


def _read(source: Dataset) -> Dataset:
    film = Dataset()
    film.SpecificCharacterSet = "ISO_IR 192"
    for keyword in _IDENTIFIERS:
        setattr(film, keyword, _identifier(source, keyword))
    for keyword in (*_IDENTITY, *_IMAGE):
        element = _valid_element(source, keyword)
        if element is not None:
            film.add(element)
    if "PatientID" not in film and source.get("PatientID"):
        raise NotAcceptable(
            "found a DICOM film whose PatientID DICOM does not allow, need a valid one: a PACS would file results "
            "under another patient; ask for application/json"
        )
    if not any(keyword in film for keyword in _METHODS):
        film.pop("PatientIdentityRemoved", None)  # DICOM wants to know how
    in_trial = all(keyword in film for keyword in _TRIAL_NEEDS)
    for keyword in (*_ALWAYS, *_TRIAL):
        if keyword in _TRIAL and not in_trial:
            film.pop(keyword, None)
        elif keyword not in film:
            setattr(film, keyword, "")
    return film


def without_identity(film: Dataset) -> Dataset:
    """A copy that names no patient: highdicom's warnings quote names, and may end up in a log."""
    copy = deepcopy(film)
    for keyword in _IDENTITY:
        copy.pop(keyword, None)
    for keyword in _ALWAYS:
        setattr(copy, keyword, "")
    return copy


def give_identity(film: Dataset, made: Dataset) -> None:
    """Make an object one of the film's patient and study."""
    made.SpecificCharacterSet = film.SpecificCharacterSet
    for keyword in _IDENTITY:
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
        for item in element.value if element.VR == "SQ" else ():
            item.remove_private_tags()
        valid = not element.is_empty and _is_valid(element) and _has_what_items_need(element)
    except Exception:  # pydicom converts a value when it is asked for, and fails with many exceptions
        return None
    return element if valid and element.value in _ENUMERATED.get(keyword, (element.value,)) else None


def _is_valid(element: DataElement) -> bool:
    """Whether a value, and each value of a sequence's items, is one that DICOM allows; raises for some that are not."""
    number = dictionary_VM(element.tag)
    if number.isdecimal() and element.VM not in (0, int(number)):
        return False
    if element.VR == "SQ":
        return all(_is_valid(each) for item in element.value for each in item)
    values = element.value if element.VM > 1 else [element.value]
    for value in values:
        number_as_text = element.VR in ("DS", "IS")
        if number_as_text and not isfinite(float(value)):
            return False
        if not number_as_text and isinstance(value, str | PersonName) and _has_controls(str(value)):
            return False  # a line break would be allowed by pydicom, and by no text that is copied
        as_it_is = isinstance(value, int | float | bytes) and not number_as_text
        validate_value(element.VR, value if as_it_is else str(value), config.RAISE)
    return True


def _has_what_items_need(element: DataElement) -> bool:
    """Whether no item of a sequence lacks what DICOM wants in each."""
    needed = _ITEMS_NEED.get(element.keyword, ())
    return all(item.get(keyword) for keyword in needed for item in element.value)


def _has_controls(text: str) -> bool:
    """Whether a text has line breaks or other controls. Wide spaces and joiners, as names have them, are none."""
    return any(category(letter) in _CONTROLS for letter in text)
