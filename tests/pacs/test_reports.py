"""Our reports are read, and verdicts on them are understood; other reports are told why not."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread, uid
from pydicom.dataset import Dataset

from client.verdicts import Verdict
from model_src.classes import CLASS_NAMES
from outputs.dicom import codes
from pacs import reports
from pacs.film import NO_VERDICT, NOT_READ, Refused
from pacs.known_reports import KnownReports, Report
from pacs.reports import read_report, read_verdict
from pacs.spool import make_folders
from tests.fixtures.films import film, film_uid
from tests.fixtures.scoring_server import (
    MODEL,
    code,
    code_item,
    finding,
    instance,
    report,
    result_uid,
    to_file,
    verdict_report,
)

OURS = result_uid(film_uid(1), "report")


@pytest.fixture
def known(tmp_path: Path) -> KnownReports:
    make_folders(tmp_path)
    found = KnownReports(tmp_path)
    found.remember(OURS, Report("Pneumonia", MODEL))
    return found


def verdict(kind: str = "ACCEPT", refers_to: str = OURS, *more: Dataset, number: int = 1) -> bytes:
    """A reader's report on one of ours."""
    return verdict_report(kind, refers_to, *more, number=number)


def test_a_report_of_ours_is_read():
    assert read_report(to_file(report(dcmread(BytesIO(film(1)))))) == (OURS, Report("Pneumonia", MODEL))


def test_a_report_without_a_finding_is_none_of_ours():
    assert read_report(verdict()) is None


def test_verdicts_are_read(known):
    assert read_verdict(verdict("ACCEPT"), known) == ("1.2.3.1", Verdict("Pneumonia", "accept", None, MODEL))
    assert read_verdict(verdict("REJECT"), known)[1] == Verdict("Pneumonia", "reject", None, MODEL)
    amended = verdict("AMEND", OURS, finding("COVID-19"))
    assert read_verdict(amended, known)[1] == Verdict("Pneumonia", "amend", "COVID-19", MODEL)


def test_a_finding_beside_another_verdict_means_nothing(known):
    assert read_verdict(verdict("ACCEPT", OURS, finding("COVID-19")), known)[1].amended is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (verdict(refers_to="1.2.3"), "refers to none of this node's"),
        (verdict("PERHAPS"), "found 0 verdicts"),
        (
            verdict("ACCEPT", OURS, code_item(code("VERDICT", "99CORONET", "V"), code("REJECT", "99CORONET", "R"))),
            "found 2 verdicts",
        ),
        (verdict("AMEND"), "AMEND without another class"),
        (verdict("AMEND", OURS, finding("Pneumonia")), "AMEND without another class"),
    ],
)
def test_what_is_no_verdict_is_told_why(known, data, says):
    with pytest.raises(Refused, match=says) as caught:
        read_verdict(data, known)
    assert caught.value.status == NO_VERDICT
    assert len(str(caught.value)) <= 64


@pytest.mark.parametrize("data", [b"", b"\xff" * 500, verdict()[:400]])
def test_what_cannot_be_read_is_told(known, data):
    with pytest.raises(Refused) as caught:
        read_verdict(data, known)
    assert caught.value.status in (NOT_READ, NO_VERDICT)


def test_a_report_that_nests_for_ever_is_told(known):
    begun = struct.pack("<HH2sHIHHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF, 0xFFFE, 0xE000, 0xFFFFFFFF)
    ended = struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    without_content = to_file(instance(dcmread(BytesIO(film(1))), "", uid.EnhancedSRStorage, "SR", "1.2.3"))
    with pytest.raises(Refused, match="cannot be read"):
        read_verdict(without_content + begun * 5000 + ended * 5000, known)


def test_a_verdict_is_counted_once_also_after_a_new_start(known, tmp_path):
    for _ in range(2):
        known.take(*read_verdict(verdict(number=1), known))
        known.take(*read_verdict(verdict("REJECT", number=2), known))
    assert known.counts.agreement() == {("Pneumonia", MODEL[:12]): (1, 2)}
    assert KnownReports(tmp_path).counts.agreement() == known.counts.agreement()


def test_classes_are_coded_as_in_the_reports_that_the_server_makes():
    ours = {(code.scheme_designator, code.value): CLASS_NAMES[index] for index, code in codes.FINDINGS.items()}
    assert ours == reports._CLASSES
    assert codes.SCHEME == reports.SCHEME
