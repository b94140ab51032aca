"""Files that are no image of a format taken are named."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_src.errors import UnsupportedImage
from model_src.imaging.formats import find_format, read_image
from tests.fixtures.decoded_images import hundred, pydicoms_own
from tests.image_writers import dicom_frame, smooth_film, write_dicom, write_tiff


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"P5\n512 512\n255\n", "PGM"),
        (b"P2\n# by hand\n2 2\n", "PGM"),
        (b"P6 2 2 255 ", "PNM"),
        (b"P7\nWIDTH 2\n", "PNM"),
        (b"ObjectType = Image\nNDims = 2\n", "MHA"),
        (b"NDims = 3\r\nDimSize = 1 2 3", "MetaImage"),
        (b"NRRD0004\n", "NRRD"),
        (b"\xff\x0a\xfa\x1f", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 ", "a JPEG 2000"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjph ", "HTJ2K"),
        (b"\xff\x4f\xff\x51\0\x29" + bytes(39) + b"\xff\x50\0\x08", "HTJ2K"),
        (b"\xff\x4f\xff\x51\0\x29" + bytes(39) + b"\xff\x52\0\x0c", "a JPEG 2000"),
        (b"II\xbc\x01", "JPEG XR"),
        (b"8BPS\0\1", "Photoshop"),
        (b"Rar!\x1a\x07\0", "RAR"),
    ],
)
def test_names(head: bytes, name: str) -> None:
    with pytest.raises(UnsupportedImage, match=name):
        find_format(head)


def test_jpeg_ls_of_its_own() -> None:
    with pytest.raises(UnsupportedImage, match="found a JPEG-LS picture"):
        read_image(dicom_frame(smooth_film(), "1.2.840.10008.1.2.4.80", BitsStored=12))


@pytest.mark.parametrize("name", ["JPEG XL Lossless", "JPEG XL JPEG Recompression", "JPEG XL"])
def test_jpeg_xl_in_dicom_is_named(name: str) -> None:
    number = ["JPEG XL Lossless", "JPEG XL JPEG Recompression", "JPEG XL"].index(name)
    syntax = f"1.2.840.10008.1.2.4.11{number}".encode()
    data = write_dicom(smooth_film())
    at = data.index(b"1.2.840.10008.1.2.1\0") - 2
    data = data[:at] + struct.pack("<H", len(syntax)) + syntax + data[at + 22 :]
    with pytest.raises(UnsupportedImage, match=f"transfer syntax {name}; save it uncompressed"):
        read_image(data)


TOKENS = st.text("abcdefABCDEF0123456789'()+_,-./:=?", min_size=1, max_size=70)
NAMES = ["Content-Type: application/dicom", "content-type:application/octet-stream", "Content-Length: 524812"]
OTHERS = ["MIME-Version: 1.0", "Content-ID: <1>", "X-Vendor: yes"]


@hundred
@given(
    TOKENS,
    st.sampled_from(["\r\n", "\n"]),
    st.permutations(OTHERS).flatmap(lambda others: st.sampled_from(NAMES).map(lambda name: [name, *others])),
    st.sampled_from(["", "\r\n", "\n\n", "HTTP/1.1 200 OK\r\nServer: x\r\n\r\n", "MIME-Version: 1.0\r\n\r\n"]),
    st.booleans(),
)
def test_dicomweb_answers_with_their_envelope(
    boundary: str, end: str, names: list[str], before: str, last: bool
) -> None:
    names = [*names[1:], names[0]] if last else names
    head = before + f"--{boundary}{end}" + end.join(names) + end + end
    with pytest.raises(UnsupportedImage, match=r"found a multipart answer.*save each part as a file of its own"):
        read_image(head.encode() + write_dicom(smooth_film()))


@pytest.mark.parametrize("meta", [True, False])
def test_a_directory_of_a_disc(meta: bool) -> None:
    data = pydicoms_own("dicomdirtests/DICOMDIR").read_bytes()
    if not meta:
        data = data[132 + 12 + struct.unpack("<I", data[140:144])[0] :]
    with pytest.raises(UnsupportedImage, match="found a DICOMDIR, the directory of a disc, not an image"):
        read_image(data)


def test_a_tiff_is_no_jpeg_xr() -> None:
    assert find_format(write_tiff(smooth_film())).name == "TIFF"
