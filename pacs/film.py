"""Which objects are taken: single-frame CR and DX of the chest, seen from the front. Others are told why not.

A reason never repeats what stands in a header, since it goes into the log. It has at most 64 characters, which is
what DICOM's Error Comment (0000,0902) holds.
"""

from __future__ import annotations

import re
from io import BytesIO

from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from model_src.errors import CoroNetError, RequestError
from model_src.imaging.dicom.header import check_radiograph, header_text
from model_src.imaging.dicom.parse import parse_dicom
from model_src.imaging.dicom.words import names_chest, names_frontal

# Statuses of a C-STORE response (PS3.4 B.2.3); those from 0xC000 on are ours to number.
STORED = 0x0000
NO_CLASS = 0x0122  # SOP class not supported
NO_ROOM = 0xA700  # out of resources: worth another try
NO_MATCH = 0xA900  # the data set does not match its SOP class
NOT_READ, NOT_FRONTAL, NOT_CHEST, NO_PIXELS, NOT_FOR_VIEWING, TOO_LARGE, NO_VERDICT = range(0xC000, 0xC007)

FILM_CLASSES = (uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation)
_UIDS = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_VALID_UID = re.compile(r"[0-9][0-9.]{0,63}")

# Codes of ViewCodeSequence (CID 4010) for a chest that is not seen from the front, of SNOMED CT and of its old form.
_OTHER_VIEWS = {
    *("399067008", "R-102CD", "399173006", "R-10236", "399198007", "R-10232"),  # lateral, left lateral, right lateral
    *("399182000", "R-102C1", "399184004", "R-10238", "399236003", "R-10234"),  # oblique, left, right
    *("399312000", "R-10208", "399059000", "R-10216", "399160007", "R-10204"),  # AP, PA and frontal oblique
    *("399135007", "R-10220", "399356000", "R-40985", "399006002", "R-10212", "399038007", "R-10210"),
    *("260427002", "R-40783", "30730003", "G-A145"),
}


class Refused(CoroNetError):
    """An object that is not taken: the message says why, `status` is that of the C-STORE response."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def check_film(data: bytes, largest: int) -> str:
    """The SOP Instance UID of a DICOM file that is a frontal chest film.

    Args:
        data: the whole file.
        largest: bytes.

    Raises:
        Refused: it is something else, damaged, or larger.
    """
    found = read_uids(data)
    check_class(found["SOPClassUID"])
    if missing := [keyword for keyword in _UIDS if not _VALID_UID.fullmatch(found[keyword])]:
        raise Refused(NO_MATCH, f"found no valid {missing[0]}, need one")
    if len(data) > largest:
        raise Refused(TOO_LARGE, f"found {len(data) / 1e6:.0f} MB, need at most {largest / 1e6:.0f} MB")
    try:
        ds = parse_dicom(data, [])
    except Exception:
        raise Refused(NOT_READ, "the header cannot be read: damaged, or an unknown compression") from None
    if "PixelData" not in ds:
        raise Refused(NO_PIXELS, "found no pixel data, need an image")
    try:
        check_radiograph(ds)
    except RequestError:
        raise Refused(NOT_READ, "found no single-frame radiograph (CR, DX, DR, RG)") from None
    if header_text(ds, "PresentationIntentType") == "FOR PROCESSING":
        raise Refused(NOT_FOR_VIEWING, "found raw detector data, need the film for presentation")
    if not names_chest(ds):
        raise Refused(NOT_CHEST, "found another part of the body, need a chest")
    if not names_frontal(ds) or _view_code(data) in _OTHER_VIEWS:
        raise Refused(NOT_FRONTAL, "found a lateral or other view, need a frontal one (PA, AP)")
    return found["SOPInstanceUID"]


def check_class(sop_class: str) -> None:
    """Raises Refused for a SOP class that is none of a film."""
    if sop_class in FILM_CLASSES:
        return
    if sop_class == uid.DigitalXRayImageStorageForProcessing:
        raise Refused(NOT_FOR_VIEWING, "found raw detector data, need the film for presentation")
    if not sop_class:
        raise Refused(NO_MATCH, "found no SOP class, need CR or DX")
    name = uid.UID(sop_class).name if sop_class in uid.UID_dictionary else "an unknown kind"
    raise Refused(NO_CLASS, f"found {name[:43]}, need CR or DX")


def read_uids(data: bytes) -> dict[str, str]:
    """SOP class, SOP instance, series and study of a file, "" for what is absent; as they stand there, unchecked.

    Raises:
        Refused: this is no DICOM.
    """
    try:
        ds = dcmread(BytesIO(data), stop_before_pixels=True, force=True, specific_tags=list(_UIDS))
        return {keyword: _raw(ds, keyword) for keyword in _UIDS}
    except Exception:
        raise Refused(NOT_READ, "the header cannot be read: damaged, or no DICOM") from None


def _raw(ds: Dataset, keyword: str) -> str:
    """An element as it stands in the file: pydicom warns of values that it does not like, and quotes them."""
    if keyword not in ds:
        return ""
    value = ds.get_item(keyword).value
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
    return text.strip(" \0")


def _view_code(data: bytes) -> str:
    """The code of the first item of ViewCodeSequence, "" without one."""
    try:
        ds = dcmread(BytesIO(data), stop_before_pixels=True, force=True, specific_tags=["ViewCodeSequence"])
        return str(ds.ViewCodeSequence[0].CodeValue).strip()
    except Exception:
        return ""
