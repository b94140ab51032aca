"""DICOM files: one table of headers and expected pixels, compressions, and everything that is refused."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydicom import uid
from pydicom.dataset import Dataset

from model_src.errors import ImageTooLarge, InvalidImage, RequestError, UnsupportedImage
from model_src.imaging.dicom import parse
from model_src.imaging.formats import read_image
from tests.fixtures.decoded_images import pydicoms_own

Writer = Callable[..., bytes]

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 65  # 12 bits: 0 to 4095
RAMP8 = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4 + 3

NEEDS_FEWER = "the pixels need fewer"


def lut_item(entries: list[int], first: int) -> list[Dataset]:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", [len(entries), first, 16])
    item.add_new("LUTData", "US", entries)
    return [item]


@pytest.mark.parametrize(
    ("samples", "header", "pixel", "warning"),  # the pixel in row 0, column 2
    [
        # Depths.
        (RAMP8, {}, 11 / 255, ""),
        (RAMP, {"BitsStored": 12}, 130 / 4095, ""),
        (RAMP, {"BitsStored": 14}, 130 / 4095, NEEDS_FEWER),
        (RAMP * 16, {}, 2080 / 65535, ""),
        # Bits above BitsStored are not the sample's.
        (RAMP | 0x7000, {"BitsStored": 12}, 130 / 4095, ""),
        # The sample in the upper bits.
        (RAMP << 4, {"BitsStored": 12, "HighBit": 15}, 130 / 4095, ""),
        (RAMP, {"BitsStored": 12, "HighBit": 99}, 130 / 4095, ""),
        # Signed: the full range, and none below zero.
        (RAMP.astype(np.int16) - 2048, {"BitsStored": 12}, 130 / 4095, ""),
        ((RAMP >> 1).astype(np.int16), {"BitsStored": 12}, 65 / 2047, ""),
        ((RAMP8.astype(np.int16) - 128).astype(np.int8), {}, 11 / 255, ""),
        # Photometric interpretation.
        (RAMP, {"BitsStored": 12, "PhotometricInterpretation": "MONOCHROME1"}, 1 - 130 / 4095, ""),
        (RAMP, {"BitsStored": 12, "PresentationLUTShape": "IDENTITY"}, 130 / 4095, ""),
        (
            RAMP,
            {"BitsStored": 12, "PhotometricInterpretation": "MONOCHROME1", "PresentationLUTShape": "INVERSE"},
            1 - 130 / 4095,
            "",
        ),
        (RAMP, {"BitsStored": 12, "PresentationLUTShape": "INVERSE"}, 130 / 4095, "contradicts MONOCHROME2"),
        # Modality.
        (RAMP, {"BitsStored": 12, "RescaleSlope": 2, "RescaleIntercept": -10}, 130 / 4095, ""),
        (RAMP, {"BitsStored": 12, "RescaleSlope": -1, "RescaleIntercept": 0}, 1 - 130 / 4095, ""),
        (RAMP, {"BitsStored": 12, "ModalityLUTSequence": lut_item([65535, 13107, 0], 129)}, 0.2, ""),
        # Values of interest.
        (RAMP, {"BitsStored": 12, "WindowCenter": 130.5, "WindowWidth": 401}, 0.5, ""),
        (RAMP, {"BitsStored": 12, "WindowCenter": [130.5, 9], "WindowWidth": [401, 9]}, 0.5, ""),
        (RAMP, {"BitsStored": 12, "WindowCenter": 130, "WindowWidth": 400, "VOILUTFunction": "SIGMOID"}, 0.5, ""),
        (RAMP, {"BitsStored": 12, "VOILUTSequence": lut_item([0, 13107, 65535], 129)}, 0.2, ""),
        (RAMP, {"BitsStored": 12, "VOILUTSequence": lut_item([], 0)}, 130 / 4095, ""),
        (RAMP, {"BitsStored": 12, "WindowCenter": 7, "WindowWidth": 0}, 130 / 4095, "not valid"),
        (RAMP, {"BitsStored": 12, "WindowCenter": "", "WindowWidth": ""}, 130 / 4095, ""),
        (RAMP, {"BitsStored": 12, "PixelPaddingValue": 130}, 0, ""),
        # What the header says of the image.
        (RAMP8, {"Modality": "DX"}, 11 / 255, ""),
        (RAMP8, {"Modality": "DR"}, 11 / 255, ""),
        (RAMP8, {"Modality": "RG"}, 11 / 255, ""),
        (RAMP8, {"Modality": None}, 11 / 255, ""),  # the SOP class says CR
        (RAMP8, {"NumberOfFrames": "01"}, 11 / 255, ""),
        (RAMP8, {"BodyPartExamined": ["CHEST", "ABDOMEN"]}, 11 / 255, ""),
        (RAMP8, {"BodyPartExamined": None, "ViewPosition": "AP"}, 11 / 255, ""),
        (RAMP8, {"BodyPartExamined": "THORAX PA", "ViewPosition": ""}, 11 / 255, ""),
        (RAMP8, {"BodyPartExamined": "HAND"}, 11 / 255, "HAND, not the chest"),
        (RAMP8, {"ViewPosition": "LL"}, 11 / 255, "LL, not frontal"),
        (RAMP8, {"PresentationIntentType": "FOR PROCESSING"}, 11 / 255, "raw detector data"),
    ],
)
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.ImplicitVRLittleEndian, uid.ExplicitVRBigEndian])
def test_headers(
    write_dicom: Writer, syntax: uid.UID, samples: np.ndarray, header: dict[str, Any], pixel: float, warning: str
) -> None:
    decoded = read_image(write_dicom(samples, syntax, **header))
    assert decoded.pixels.dtype == np.float32
    assert decoded.pixels.shape == (8, 8)
    assert decoded.pixels[0, 2] == pytest.approx(pixel, abs=1e-6)
    assert len(decoded.warnings) == bool(warning)
    assert warning in "".join(decoded.warnings)


def test_without_preamble(write_dicom: Writer) -> None:
    whole = write_dicom(RAMP, BitsStored=12)
    np.testing.assert_array_equal(read_image(whole[132:]).pixels, read_image(whole).pixels)
    meta_length = 12 + struct.unpack("<I", whole[140:144])[0]
    without_meta = whole[132 + meta_length :]  # explicit VR shows by itself
    np.testing.assert_array_equal(read_image(without_meta).pixels, read_image(whole).pixels)


@pytest.mark.parametrize(
    ("header", "error", "message"),
    [
        ({"Modality": "CT"}, UnsupportedImage, r"modality CT, need a radiograph \(CR, DX, DR, RG\)"),
        ({"Modality": "MG"}, UnsupportedImage, "modality MG"),
        ({"Modality": "", "SOPClassUID": uid.CTImageStorage}, UnsupportedImage, "modality none"),
        ({"NumberOfFrames": 2}, UnsupportedImage, "2 frames; send a single-frame image"),
        ({"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3}, UnsupportedImage, "found DICOM with RGB"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, UnsupportedImage, "PALETTE COLOR"),
        ({"PhotometricInterpretation": None}, UnsupportedImage, "no photometric interpretation"),
        ({"BitsAllocated": 32}, UnsupportedImage, "32 bits allocated"),
        ({"BitsAllocated": 1}, UnsupportedImage, "1 bits allocated"),
        ({"PixelData": None}, InvalidImage, "ends before its pixel data"),
        ({"PixelData": None, "Rows": None}, UnsupportedImage, "without integer pixel data"),
        ({"PixelData": b""}, InvalidImage, "damaged"),
        ({"PixelData": bytes(126)}, InvalidImage, "found 126 bytes of pixel data, need 128"),
        ({"Rows": None}, InvalidImage, "Rows in the DICOM header is missing"),
        ({"Rows": 0}, InvalidImage, "8 x 0 pixels"),
        ({"Columns": 0}, InvalidImage, "0 x 8 pixels"),
        ({"Columns": None}, InvalidImage, "Columns in the DICOM header is missing"),
        ({"BitsStored": 17}, InvalidImage, "17 bits stored in 16"),
        ({"BitsStored": 0}, InvalidImage, "0 bits stored in 16"),
        ({"BitsAllocated": None}, InvalidImage, "BitsAllocated in the DICOM header is missing"),
        ({"Rows": 60_000, "Columns": 60_000}, ImageTooLarge, "60000 x 60000"),
    ],
)
def test_refusals(write_dicom: Writer, header: dict[str, Any], error: type[RequestError], message: str) -> None:
    with pytest.raises(error, match=message) as raised:
        read_image(write_dicom(RAMP, **header))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["rtstruct.dcm", "CT_small.dcm", "test-SR.dcm", "liver_1frame.dcm", "rtplan.dcm"])
def test_dicom_of_other_kinds(name: str) -> None:
    with pytest.raises(UnsupportedImage, match="modality"):
        read_image(pydicoms_own(name).read_bytes())


def test_transfer_syntaxes_that_are_not_taken(write_dicom: Writer) -> None:
    video = write_dicom(RAMP).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    with pytest.raises(UnsupportedImage, match=r"transfer syntax 1\.2\.840\.10008\.1\.2\.9; save it"):
        read_image(video)


@pytest.mark.parametrize("value", [b"abcd", b"1e99", b"-inf", b"nan ", b"1,50"])
def test_a_value_that_is_no_number_is_passed_over(write_dicom: Writer, value: bytes) -> None:
    data = write_dicom(RAMP, BitsStored=12, WindowCenter=1234, WindowWidth=5678).replace(b"1234", value)
    decoded = read_image(data)
    np.testing.assert_allclose(decoded.pixels, RAMP / 4095, atol=1e-6)
    assert decoded.warnings == ("WindowCenter in the header is not a number: ignored",)


@pytest.mark.parametrize("kept", [132, 140, 300, 400, -100, -20])
@pytest.mark.parametrize("syntax", [uid.ExplicitVRLittleEndian, uid.JPEGLSLossless, uid.RLELossless])
def test_truncated_files(write_dicom: Writer, syntax: uid.UID, kept: int) -> None:
    with pytest.raises(RequestError) as raised:
        read_image(write_dicom(RAMP, syntax)[:kept])
    assert raised.value.status in (400, 415)
    assert raised.value.status == 400 or kept in (140, 300, 400)  # before the modality is reached


def test_nothing_after_the_preamble() -> None:
    with pytest.raises(InvalidImage, match="holds no elements"):
        read_image(bytes(128) + b"DICM")


def test_deflated_bombs(write_dicom: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_dicom(RAMP, uid.DeflatedExplicitVRLittleEndian)
    monkeypatch.setattr(parse, "_LARGEST_DATA_SET", 100)
    with pytest.raises(ImageTooLarge, match="deflated DICOM exceeds"):
        read_image(data)


def test_nothing_personal_is_said(write_dicom: Writer, caplog: pytest.LogCaptureFixture) -> None:
    data = write_dicom(RAMP8, BodyPartExamined="HAND", PatientBirthDate="19700101", WindowWidth="1970")
    decoded = read_image(data.replace(b"1970", b"born"))
    said = " ".join(decoded.warnings) + caplog.text
    assert "HAND" in said
    assert "Secret" not in said
    assert "born" not in said


def test_sequences_nested_without_end(write_dicom: Writer) -> None:
    nested = b"\x88\x00\x00\x02SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * 20_000
    data = write_dicom(RAMP8)
    at = data.index(b"\x18\x00\x15\x00")  # before BodyPartExamined
    with pytest.raises(RequestError):
        read_image(data[:at] + nested + data[at:])
