"""Structured reports, read: what one of ours says, and a reader's verdict on one of ours.

A verdict is any structured report (Basic Text, Enhanced, Comprehensive, Comprehensive 3D) that refers to a report of
ours by its SOP Instance UID, and has in its content, at any depth, the code items

    (VERDICT, 99CORONET)   ACCEPT, REJECT or AMEND, of 99CORONET
    (121071, DCM, Finding) with AMEND: the class that the reader named, coded as in our reports

docs/reference/verdict-report.md shows one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from client.verdicts import Verdict, checked_verdict
from model_src.classes import CLASS_NAMES
from model_src.errors import InvalidRequest
from pacs.film import NO_VERDICT, NOT_READ, Refused
from pacs.known_reports import KnownReports, Report

REPORT_CLASSES = (
    uid.BasicTextSRStorage,
    uid.EnhancedSRStorage,
    uid.ComprehensiveSRStorage,
    uid.Comprehensive3DSRStorage,
)
SCHEME = "99CORONET"
VERDICT = (SCHEME, "VERDICT")
FINDING = ("DCM", "121071")
_KINDS = {(SCHEME, kind.upper()): kind for kind in ("accept", "reject", "amend")}
# As our reports name the classes.
_CLASSES = dict(zip((("SCT", "17621005"), ("SCT", "233604007"), ("SCT", "840539006")), CLASS_NAMES, strict=True))
_DIGEST = re.compile(r"SHA-256 of cin\.pt: ([0-9a-f]{64})")

Code = tuple[str, str]  # scheme, value


def read_report(data: bytes) -> tuple[str, Report] | None:
    """The SOP Instance UID of a report of ours, and what it says; None where it names no class of ours."""
    ds = dcmread(BytesIO(data))
    found = [_CLASSES[code] for name, code in _coded(ds) if name == FINDING and code in _CLASSES]
    models = [match[1] for text in _texts(ds) if (match := _DIGEST.fullmatch(text))]
    return (str(ds.SOPInstanceUID), Report(found[0], models[0] if models else "")) if found else None


def read_verdict(data: bytes, known: KnownReports) -> tuple[str, Verdict]:
    """The SOP Instance UID of a structured report, and the verdict in it.

    Raises:
        Refused: it cannot be read, refers to no report of ours, or holds no verdict.
    """
    try:
        ds = dcmread(BytesIO(data), force=True)
        own = str(ds.SOPInstanceUID)
        coded = list(_coded(ds))
        report = next((found for each in _references(ds) if (found := known.find(each))), None)
    except Exception:
        raise Refused(NOT_READ, "the report cannot be read") from None
    if report is None:
        raise Refused(NO_VERDICT, "found a report that refers to none of this node's")
    kinds = [_KINDS[code] for name, code in coded if name == VERDICT and code in _KINDS]
    if len(kinds) != 1:
        raise Refused(NO_VERDICT, f"found {len(kinds)} verdicts, need one: ACCEPT, REJECT, AMEND")
    named = [_CLASSES[code] for name, code in coded if name == FINDING and code in _CLASSES]
    amended = named[0] if kinds[0] == "amend" and named else None
    try:
        return own, checked_verdict(report.label, kinds[0], amended, report.model)
    except InvalidRequest:
        raise Refused(NO_VERDICT, "found AMEND without another class, need one as Finding") from None


def _items(ds: Dataset) -> Iterator[Dataset]:
    """The document's root and all content items below it."""
    yield ds
    for item in ds.get("ContentSequence") or ():
        yield from _items(item)


def _coded(ds: Dataset) -> Iterator[tuple[Code, Code]]:
    """Name and value of all code items."""
    for item in _items(ds):
        if item.get("ConceptNameCodeSequence") and item.get("ConceptCodeSequence"):
            yield _code(item.ConceptNameCodeSequence[0]), _code(item.ConceptCodeSequence[0])


def _code(item: Dataset) -> Code:
    return str(item.get("CodingSchemeDesignator", "")), str(item.get("CodeValue", ""))


def _texts(ds: Dataset) -> Iterator[str]:
    """The values of all text items."""
    return (str(item.TextValue) for item in _items(ds) if item.get("TextValue"))


def _references(ds: Dataset) -> Iterator[str]:
    """Every SOP Instance UID that a document refers to, wherever it stands."""
    for element in ds:
        if element.keyword == "ReferencedSOPInstanceUID":
            yield str(element.value)
        elif element.VR == "SQ":
            for item in element.value:
                yield from _references(item)
