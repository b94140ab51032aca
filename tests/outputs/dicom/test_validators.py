"""Every object of every kind of film holds before other people's validators: dicom3tools' and PixelMed's.

They are Debian packages, dicom3tools and pixelmed-apps; without them these tests are left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from outputs.dicom.film import read_film
from outputs.dicom.objects import explanation_objects, prediction_objects
from tests.image_writers import smooth_film
from tests.outputs.dicom.conftest import MADE

CR, DX = uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation
NOTHING_KNOWN = dict.fromkeys(
    ("PatientID", "PatientBirthDate", "PatientSex", "PatientAge", "StudyDate", "StudyTime", "StudyID",
     "AccessionNumber", "ReferringPhysicianName", "PatientOrientation", "PatientName")
)  # fmt: skip
PLANE = {"ImagePositionPatient": [1, 2, 3], "ImageOrientationPatient": [1, 0, 0, 0, 0, -1], "PixelSpacing": [0.2, 0.1]}


def _issuer() -> Dataset:
    item = Dataset()
    item.UniversalEntityID, item.UniversalEntityIDType = "1.2.3", "ISO"
    return item


def _table(first: int = 0, **more: str) -> Dataset:
    item = Dataset()
    item.add(DataElement("LUTDescriptor", "SS" if first < 0 else "US", [4096, first, 16]))
    item.add(DataElement("LUTData", "OW", (np.arange(4096, dtype="<u2") * 16 + 15).tobytes()))
    for keyword, value in more.items():
        setattr(item, keyword, value)
    return item


FILMS = {
    "CR without spacing": {},
    "CR with spacing": {"PixelSpacing": [0.143, 0.143], "WindowCenter": 2048, "WindowWidth": 4096},
    "CR of an uncommon shape": {"samples": np.zeros((33, 7), np.uint16), "PixelSpacing": [0.1, 0.3]},
    "DX": {"SOPClassUID": DX, "Modality": "DX", "ImagerPixelSpacing": [0.139, 0.139], "RescaleSlope": 1.5,
           "RescaleIntercept": -7, "RescaleType": "US", "VOILUTFunction": "SIGMOID", "WindowCenter": 2048.5,
           "WindowWidth": 4000, "PresentationIntentType": "FOR PRESENTATION"},
    "in a frame of reference": {"FrameOfReferenceUID": "1.2.9", **PLANE},
    "MONOCHROME1": {"PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
    "nothing known": NOTHING_KNOWN,
    "implicit": {"syntax": uid.ImplicitVRLittleEndian},
    "big endian": {"syntax": uid.ExplicitVRBigEndian},
    "RLE": {"syntax": uid.RLELossless},
    "JPEG baseline": {"syntax": uid.JPEGBaseline8Bit, "samples": smooth_film(64, 255).astype(np.uint8),
                      "LossyImageCompression": "01", "LossyImageCompressionRatio": 12.5,
                      "LossyImageCompressionMethod": "ISO_10918_1"},
    "JPEG lossless": {"syntax": uid.JPEGLosslessSV1, "samples": smooth_film(64), "BitsStored": 12},
    "JPEG 2000": {"syntax": uid.JPEG2000Lossless, "samples": smooth_film(64), "BitsStored": 12},
    "Japanese": {"PatientName": "Yamada^Tarou=山田^太郎", "SpecificCharacterSet": ["", "ISO 2022 IR 87"]},
    "issuers": {"IssuerOfPatientID": "Hospital", "IssuerOfPatientIDQualifiersSequence": [_issuer()]},
    "tables": {"VOILUTSequence": [_table()], "ModalityLUTSequence": [_table(ModalityLUTType="US")]},
    "tables of signed words": {"samples": smooth_film(64).astype(np.int16), "VOILUTSequence": [_table(first=-2048)],
                               "syntax": uid.ImplicitVRLittleEndian},
    "burned in": {"BurnedInAnnotation": "YES"},
}  # fmt: skip
REAL = ("monochrome1_jpeg.dcm", "monochrome2_jpeg.dcm")


@pytest.fixture(scope="session")
def dciodvfy() -> Callable[[Path], list[str]]:
    """Errors that dicom3tools finds in a file."""
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("needs dciodvfy (Debian package dicom3tools)")

    def errors(path: Path) -> list[str]:
        done = subprocess.run([program, "-new", str(path)], capture_output=True, text=True, check=False, timeout=60)
        said = (done.stdout + done.stderr).splitlines()
        assert said, "dciodvfy names at least the object's kind"
        return [line for line in said if line.startswith("Error")]

    return errors


@pytest.fixture(scope="session")
def sr_validator() -> Callable[[Path], list[str]]:
    """What PixelMed's validator of templates says against a report."""
    program = shutil.which("DicomSRValidator")
    if program is None:
        pytest.skip("needs DicomSRValidator (Debian package pixelmed-apps)")
    # Java's own limits are below what its style sheets need.
    limits = " ".join(f"-Djdk.xml.xpath{name}Limit=0" for name in ("ExprOp", "ExprGrp", "TotalOp"))

    def lines(path: Path) -> list[str]:
        environment = {**os.environ, "JAVA_TOOL_OPTIONS": limits}
        done = subprocess.run(
            [program, str(path)], capture_output=True, text=True, check=False, timeout=300, env=environment
        )
        said = (done.stdout + done.stderr).splitlines()
        assert "IOD validation complete" in said
        assert any("Found Root Template TID_1500" in line for line in said)
        return [line for line in said if line.startswith(("Error", "Warning"))]

    return lines


def write(files: dict[str, bytes], folder: Path) -> list[Path]:
    for name, content in files.items():
        (folder / f"{name}.dcm").write_bytes(content)
    return [folder / f"{name}.dcm" for name in files]


def objects_of(data: bytes, explanation, folder: Path) -> list[Path]:
    film = read_film(data)
    pixels = np.linspace(0, 1, film.Rows * film.Columns, dtype=np.float32).reshape(film.Rows, film.Columns)
    return write(explanation_objects(explanation, pixels, film, MADE), folder)


@pytest.mark.parametrize("kind", FILMS)
def test_dicom3tools_finds_no_error(dciodvfy, explanation, make_film, tmp_path, kind):
    files = objects_of(make_film(**FILMS[kind]), explanation, tmp_path)
    assert len(files) == 4
    assert {path.name: dciodvfy(path) for path in files} == {path.name: [] for path in files}


@pytest.mark.parametrize("name", REAL)
def test_dicom3tools_finds_no_error_with_real_films(dciodvfy, explanation, shared_data, tmp_path, name):
    files = objects_of((shared_data / "formats" / name).read_bytes(), explanation, tmp_path)
    assert {path.name: dciodvfy(path) for path in files} == {path.name: [] for path in files}


def test_dicom3tools_finds_no_error_in_the_report_of_a_prediction(dciodvfy, explanation, make_film, tmp_path):
    (path,) = write(prediction_objects(explanation.prediction, read_film(make_film()), MADE), tmp_path)
    assert dciodvfy(path) == []


# Why each line is none of ours. PixelMed's tables are those of 2022, and closed where the standard is not.
EXPLAINED = {
    r"Code \(36554-4,LN,.*\) not found in context group 100$": "CID 100 is extensible, without chest films",
    r"TEXT \(121106,DCM,\"Comment\"\): Content Item not in template$": "TID 1501 is extensible: comments may be added",
    r"CODE \(EXPLAINED,99CORONET,.*\): Content Item not in template$": "TID 1501 has evaluations of any name (row 11)",
}


def test_the_report_follows_its_template(sr_validator, explanation, make_film, tmp_path):
    report, *_ = objects_of(make_film(), explanation, tmp_path)
    said = sr_validator(report)
    assert [line for line in said if not any(re.search(pattern, line) for pattern in EXPLAINED)] == []
    assert all(any(re.search(pattern, line) for line in said) for pattern in EXPLAINED)  # none is out of date
