"""Stored samples, whatever their compression."""

from __future__ import annotations

import base64
from collections.abc import Callable
from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import get_frame

from model_src.errors import InvalidImage
from model_src.imaging import gdcm_decoder
from model_src.imaging.formats import read_image
from tests.fixtures.decoded_images import pydicoms_own

Writer = Callable[..., bytes]

RAMP = np.arange(64, dtype=np.uint16).reshape(8, 8) * 65  # 12 bits: 0 to 4095
RAMP8 = np.arange(64, dtype=np.uint8).reshape(8, 8) * 4 + 3

NEEDS_FEWER = "the pixels need fewer"


@pytest.mark.parametrize(
    ("syntax", "samples"),
    [
        (uid.RLELossless, RAMP),
        (uid.RLELossless, RAMP8),
        (uid.JPEGLossless, RAMP),
        (uid.JPEGLosslessSV1, RAMP),
        (uid.JPEGLosslessSV1, RAMP8),
        (uid.JPEGLSLossless, RAMP),
        (uid.JPEGLSLossless, RAMP8),
        (uid.JPEG2000Lossless, RAMP),
        (uid.JPEG2000Lossless, RAMP8),
        (uid.DeflatedExplicitVRLittleEndian, RAMP),
        (uid.JPEG2000Lossless, RAMP.astype(np.int16) - 2048),
        (uid.RLELossless, RAMP.astype(np.int16) - 2048),
        (uid.JPEGLosslessSV1, RAMP.astype(np.int16) - 2048),
    ],
)
def test_lossless_compression(write_dicom: Writer, syntax: uid.UID, samples: np.ndarray) -> None:
    samples = np.kron(samples, np.ones((8, 8), samples.dtype))
    bits = 8 if samples.itemsize == 1 else 12
    native = read_image(write_dicom(samples, BitsStored=bits))
    compressed = read_image(write_dicom(samples, syntax, BitsStored=bits))
    np.testing.assert_array_equal(compressed.pixels, native.pixels)
    assert compressed.warnings == ()


@pytest.mark.parametrize("syntax", [uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless])
def test_lossy_compression(write_dicom: Writer, syntax: uid.UID) -> None:
    np.testing.assert_allclose(read_image(write_dicom(RAMP8, syntax)).pixels, RAMP8 / 255, atol=2 / 255)


@pytest.mark.parametrize(
    "name",
    [
        "693_J2KI.dcm",
        "JPEG2000.dcm",
        "J2K_pixelrep_mismatch.dcm",
        "JPEGLSNearLossless_16.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "image_dfl.dcm",
    ],
)
def test_files_of_other_programs_agree_with_pydicom(name: str) -> None:
    # Their modality is set to CR and their window removed, so that the stored values show.
    ds = pydicom.dcmread(pydicoms_own(name))
    ds.Modality = "CR"
    for keyword in ("WindowCenter", "RescaleSlope", "RescaleIntercept", "PixelPaddingValue", "NumberOfFrames"):
        if keyword in ds:
            delattr(ds, keyword)
    buffer = BytesIO()
    ds.save_as(buffer)
    pixels = read_image(buffer.getvalue()).pixels
    stored = ds.pixel_array.astype(float)
    assert np.ptp(stored) > 0
    # Whatever the scale is, brightness is a straight line of the stored value.
    slope, offset = np.polyfit(stored.ravel(), pixels.ravel(), 1)
    np.testing.assert_allclose(pixels, slope * stored + offset, atol=1e-4)
    assert slope > 0


def test_twelve_bit_jpeg_extended_of_another_program() -> None:
    # Precision 12 in the stream; its values are those of GDCM's own reader.
    ds = pydicom.dcmread(pydicoms_own("JPGExtended.dcm"))
    ds.Modality = "CR"
    buffer = BytesIO()
    ds.save_as(buffer)
    decoded = read_image(buffer.getvalue())
    assert decoded.pixels.shape == (1024, 256)
    assert "JPEG" not in "".join(decoded.warnings)


def test_a_codestream_larger_than_its_header_is_not_decoded(write_dicom: Writer, write_picture: Writer) -> None:
    frame = write_picture(np.zeros((999, 777), np.uint8), "JPEG")
    with pytest.raises(InvalidImage, match=r"777 x 999 with 1 components, the DICOM header says 8 x 8"):
        read_image(write_dicom(RAMP8, uid.JPEGBaseline8Bit, frame=frame))
    colour = write_picture(np.zeros((8, 8, 3), np.uint8), "JPEG")
    with pytest.raises(InvalidImage, match="with 3 components"):
        read_image(write_dicom(RAMP8, uid.JPEGBaseline8Bit, frame=colour))


def test_a_frame_that_ends_the_decoder_does_not_end_us(write_dicom: Writer) -> None:
    # Without the marker of its Huffman table, this frame makes GDCM throw through its own process.
    data = write_dicom(RAMP, uid.JPEGLosslessSV1, BitsStored=12)
    with pytest.raises(InvalidImage, match=r"cannot be decoded .*invalid logic behavior"):
        read_image(data.replace(b"\xff\xc4", b"\x00\xc4"))


def test_a_cut_lossless_frame_is_not_filled_in(write_dicom: Writer) -> None:
    noise = np.random.default_rng(0).integers(0, 4096, (64, 64)).astype(np.uint16)
    data = write_dicom(noise, uid.JPEGLosslessSV1, BitsStored=12)
    frame = data[data.index(b"\xff\xd8\xff") : data.rindex(b"\xff\xd9")]
    assert read_image(write_dicom(noise, uid.JPEGLosslessSV1, frame + b"\xff\xd9", BitsStored=12)).warnings == ()
    with pytest.raises(InvalidImage, match=r"cannot be decoded \((Corrupt JPEG data: p|P)remature end"):
        read_image(write_dicom(noise, uid.JPEGLosslessSV1, frame[: len(frame) // 2] + b"\xff\xd9", BitsStored=12))
    with pytest.raises(InvalidImage, match="no image in the frame"):
        read_image(write_dicom(noise, uid.JPEGLosslessSV1, frame[:40], BitsStored=12))


def test_a_decoder_that_takes_too_long(write_dicom: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gdcm_decoder, "_SECONDS", 1e-3)
    with pytest.raises(InvalidImage, match="take over") as caught:
        read_image(write_dicom(RAMP, uid.JPEGLSLossless, BitsStored=12))
    assert "/" not in str(caught.value)  # no path of this machine goes to the caller


def test_samples_brighter_than_the_header_allows_are_white(write_dicom: Writer) -> None:
    deep = np.full((64, 64), 4096, np.uint16)
    frame = pydicom.dcmread(BytesIO(write_dicom(deep, uid.JPEG2000Lossless)))
    wrong = write_dicom(deep, uid.JPEG2000Lossless, get_frame(frame.PixelData, 0, number_of_frames=1), BitsStored=12)
    assert read_image(wrong).pixels.min() == 1


@pytest.mark.parametrize("syntax", [uid.JPEG2000Lossless, uid.JPEGLSLossless, uid.JPEGLosslessSV1])
@pytest.mark.parametrize("signed", [False, True])
def test_codestreams_of_fewer_bits_than_the_header(write_dicom: Writer, syntax: uid.UID, signed: bool) -> None:
    # Sixteen bits in the header, eight in the codestream.
    shallow = np.kron(RAMP8 >> signed, np.ones((8, 8), np.uint8))
    inside = pydicom.dcmread(BytesIO(write_dicom(shallow, syntax)))
    frame = get_frame(inside.PixelData, 0, number_of_frames=1)
    deep = shallow.astype(np.int16 if signed else np.uint16)
    decoded = read_image(write_dicom(deep, syntax, frame))
    np.testing.assert_allclose(decoded.pixels, shallow / 255, atol=1e-6)


def test_eight_bits_in_big_endian_words(write_dicom: Writer) -> None:
    # Bytes of OW are swapped in pairs.
    data = write_dicom(RAMP8, uid.ExplicitVRBigEndian)
    at = data.index(b"\x7f\xe0\x00\x10OB")
    words = data[: at + 4] + b"OW" + data[at + 6 : at + 12] + RAMP8.reshape(-1, 2)[:, ::-1].tobytes()
    np.testing.assert_allclose(read_image(words).pixels, RAMP8 / 255, atol=1e-6)


def test_padding_bytes_after_odd_pixels(write_dicom: Writer) -> None:
    odd = np.array([[1, 2, 3]], np.uint8)
    np.testing.assert_allclose(read_image(write_dicom(odd)).pixels, odd / 255, atol=1e-6)


# 16 x 16 samples, row r and column c: 200 r + 60 c; encoded by OpenJPH 0.26.3.
HTJ2K = base64.b64decode(
    "/0//UQApQAAAAAAQAAAAEAAAAAAAAAAAAAAAEAAAABAAAAAAAAAAAAABDwEB/1AACAACAAAACv9SAAwAAgABAAUEBEAB/1wAEyCI"
    "kJCQkJCQkJCQkJCQiIiI/2QAFwABT3BlbkpQSCBWZXIgMC4yNi4zLv+QAAoAAAAAAIIAAf+TwAAmtfYFB3QAAMAAE0AAEwBI/AKH"
    "dABG/gMHdADAABPAABOAIkT8AgJ0ACAH+QCjVADAABUwAAVYDAwMDKpxgnUAggsWLPjAQgHstgDAACugABaQtm3btm3b58p6enCC"
    "eACOHR0dHR0dHf2MYHv2MYHsugD/2Q=="
)


@pytest.mark.parametrize("syntax", [uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K])
def test_high_throughput_jpeg_2000(write_dicom: Writer, syntax: uid.UID) -> None:
    ramp = (200 * np.arange(16)[:, None] + 60 * np.arange(16)).astype(np.uint16)
    decoded = read_image(write_dicom(ramp, syntax, HTJ2K, BitsStored=12))
    np.testing.assert_allclose(decoded.pixels, ramp / 4095, atol=1e-6)
    assert decoded.warnings == ()
