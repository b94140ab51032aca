"""Files as people have them, a hundred generated neighbours of each kind: the right picture, or what is wrong.

The film is the same in all: what a plain file of it shows is what every neighbour has to show.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydicom import uid

from model_src.errors import InvalidImage, UnsupportedImage
from model_src.imaging.formats import read_image
from tests.fixtures.decoded_images import check, hundred
from tests.image_writers import data_set_of, dicom_frame, smooth_film, write_dicom

FILM = smooth_film(48)  # 12 bits
SHALLOW = (FILM >> 4).astype(np.uint8)
NATIVE = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]
CLASSES = [
    uid.ComputedRadiographyImageStorage,
    uid.DigitalXRayImageStorageForPresentation,
    uid.DigitalXRayImageStorageForProcessing,
]


@hundred
@given(st.sampled_from(CLASSES), st.sampled_from(NATIVE), st.sampled_from([None, ""]), st.booleans())
def test_the_class_stands_in_the_meta_information_alone(
    sop_class: uid.UID, syntax: uid.UID, modality: str | None, instance: bool
) -> None:
    data = write_dicom(FILM, syntax, BitsStored=12, Modality=modality, SOPClassUID=sop_class)
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    # The data set's own class is made another element, private and not read.
    at = data_set_of(data).index(struct.pack(f"{order}HH", 8, 0x16))
    start = len(data) - len(data_set_of(data)) + at
    data = data[:start] + struct.pack(f"{order}HH", 8, 0x17) + data[start + 4 :]
    check(read_image(data), FILM / 4095)
    other = data.replace(sop_class.encode(), str(uid.CTImageStorage).encode().ljust(len(sop_class), b"\0"))
    if len(uid.CTImageStorage) <= len(sop_class):
        with pytest.raises(UnsupportedImage, match="modality none"):
            read_image(other)


def group_length(syntax: uid.UID, value: int) -> bytes:
    """The element (0008,0000), as old files begin."""
    if syntax == uid.ImplicitVRLittleEndian:
        return struct.pack("<HHII", 8, 0, 4, value)
    order = ">" if syntax == uid.ExplicitVRBigEndian else "<"
    return struct.pack(f"{order}HH", 8, 0) + b"UL" + struct.pack(f"{order}HI", 4, value)


@hundred
@given(
    st.sampled_from(NATIVE),
    st.sampled_from(["nothing", "zeros", "magic", "preamble and magic", "meta", "meta without its length"]),
    st.none() | st.integers(0, 2**32 - 1),
    st.sampled_from([{}, {"ImageType": ["ORIGINAL", "PRIMARY"]}, {"SpecificCharacterSet": "ISO_IR 100"}]),
)
@example(uid.ImplicitVRLittleEndian, "nothing", 136, {"SpecificCharacterSet": "ISO_IR 100"})
def test_files_without_their_beginning(
    syntax: uid.UID, beginning: str, length: int | None, header: dict[str, Any]
) -> None:
    data = write_dicom(FILM, syntax, BitsStored=12, **header)
    body = (b"" if length is None else group_length(syntax, length)) + data_set_of(data)
    meta = data[132 : len(data) - len(data_set_of(data))]
    start = {
        "nothing": b"",
        "zeros": bytes(128),
        "magic": b"DICM",
        "preamble and magic": bytes(128) + b"DICM",
        "meta": meta,
        "meta without its length": meta[12:],
    }[beginning]
    check(read_image(start + body), FILM / 4095)


@hundred
@given(st.binary(max_size=600) | st.integers(1, 4096).map(lambda n: b"\xff" * n) | st.integers(1, 4096).map(bytes))
def test_what_follows_the_pixels_does_not_count(tail: bytes) -> None:
    for data in (write_dicom(FILM, BitsStored=12), write_dicom(FILM, uid.RLELossless, BitsStored=12)):
        check(read_image(data + tail), FILM / 4095)


SPELLINGS = ["1", "01", "001", "1.0", "1.", "1.00", "+1", "1e0", " 1", "1 ", "1.0 ", "0", "", "1,0", "10E-1", "1\\1"]


@hundred
@given(st.sampled_from(SPELLINGS), st.sampled_from(NATIVE[:2]))
def test_one_frame_in_every_spelling(text: str, syntax: uid.UID) -> None:
    placed = text.encode().ljust(6)
    data = write_dicom(FILM, syntax, BitsStored=12, NumberOfFrames="777777").replace(b"777777", placed)
    check(read_image(data), FILM / 4095)


@hundred
@given(st.integers(2, 99_999) | st.sampled_from(["2.0", "1.5", "-1", "one", "nan", "inf", "1\\2"]))
def test_other_numbers_of_frames_are_refused(number: int | str) -> None:
    data = write_dicom(FILM, BitsStored=12, NumberOfFrames="777777")
    with pytest.raises(UnsupportedImage, match="frames; send a single-frame image"):
        read_image(data.replace(b"777777", str(number).encode().ljust(6)))


@hundred
@given(
    st.sampled_from([uid.JPEGBaseline8Bit, uid.JPEG2000Lossless]),
    st.sampled_from([*NATIVE[:2], uid.JPEGLosslessSV1, uid.JPEGLSLossless, uid.JPEG2000, uid.JPEGBaseline8Bit]),
)
def test_another_transfer_syntax_than_the_stream(real: uid.UID, said: uid.UID) -> None:
    frame = dicom_frame(SHALLOW, real)
    decoded = read_image(write_dicom(SHALLOW, said, frame))
    kind = {uid.JPEGBaseline8Bit: "JPEG", uid.JPEG2000Lossless: "JPEG 2000"}
    agree = kind[real] == kind.get(said, "JPEG 2000" if said == uid.JPEG2000 else "")
    told = [] if agree else [f"the pixels are {kind[real]}: read as what they are"]
    check(decoded, SHALLOW / 255, *told, atol=0.02 if real == uid.JPEGBaseline8Bit else 2e-6)


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGBaseline8Bit, uid.JPEG2000, uid.RLELossless])
def test_uncompressed_pixels_under_a_compressed_syntax(syntax: uid.UID) -> None:
    old = uid.ExplicitVRLittleEndian.encode()
    data = write_dicom(FILM, BitsStored=12)
    at = data.index(old + b"\0") - 2
    text = syntax.encode().ljust(len(syntax) + len(syntax) % 2, b"\0")
    data = data[:at] + struct.pack("<H", len(text)) + text + data[at + 2 + len(old) + 1 :]
    at = data.index(b"\2\0\0\0UL") + 8
    grown = struct.unpack_from("<I", data, at)[0] + len(text) - len(old) - 1
    data = data[:at] + struct.pack("<I", grown) + data[at + 4 :]
    with pytest.raises(InvalidImage, match=r"the transfer syntax is (JPEG|RLE).* is not compressed so"):
        read_image(data)


@pytest.mark.parametrize("said", NATIVE)
@pytest.mark.parametrize("real", NATIVE)
def test_another_encoding_than_the_transfer_syntax(said: uid.UID, real: uid.UID) -> None:
    marked, body = write_dicom(FILM, said, BitsStored=12), data_set_of(write_dicom(FILM, real, BitsStored=12))
    data = marked[: len(marked) - len(data_set_of(marked))] + body
    told = ["the data set is"] if (said == NATIVE[2]) != (real == NATIVE[2]) else []
    check(read_image(data), FILM / 4095, *told)
