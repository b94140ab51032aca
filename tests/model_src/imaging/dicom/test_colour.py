"""Gray films in colour containers, and colour."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydicom import uid
from pydicom.dataelem import DataElement

from model_src.errors import UnsupportedImage
from model_src.imaging.formats import read_image
from tests.fixtures.decoded_images import check, hundred
from tests.image_writers import smooth_film, write_dicom, write_picture

FILM = smooth_film(48, 255).astype(np.uint8)
RIGHT = FILM / 255


def container(channels: np.ndarray, photometric: str, planar: int = 0, **options: Any) -> bytes:
    """Three channels, uint8 (H, W, 3), under a header that says so."""
    stored = np.moveaxis(channels, -1, 0) if planar else channels
    header = {"SamplesPerPixel": 3, "PhotometricInterpretation": photometric, "PlanarConfiguration": planar}
    return write_dicom(channels[..., 0], PixelData=stored.tobytes(), **header, **options)


def gray_in(photometric: str, film: np.ndarray = FILM) -> np.ndarray:
    """A gray film's three channels."""
    if photometric == "RGB":
        return np.dstack([film] * 3)
    neutral = np.full_like(film, 128)
    return np.dstack([film, neutral, neutral])


@hundred
@given(
    st.sampled_from(["RGB", "YBR_FULL"]),
    st.sampled_from([0, 1]),
    st.sampled_from([uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.DeflatedExplicitVRLittleEndian]),
    st.integers(0, 2**31),
)
def test_gray_is_read_and_colour_refused(photometric: str, planar: int, syntax: uid.UID, seed: int) -> None:
    channels = gray_in(photometric)
    check(read_image(container(channels, photometric, planar, syntax=syntax)), RIGHT)
    rng = np.random.default_rng(seed)
    row, column = rng.integers(0, 47, 2)
    channels[row, column] = (255, 0, 40)  # one pixel of colour
    with pytest.raises(UnsupportedImage, match=f"found DICOM with {photometric} in colour"):
        read_image(container(channels, photometric, planar, syntax=syntax))


def test_rle_and_jpeg() -> None:
    rgb = gray_in("RGB")
    picture = write_picture(Image.fromarray(rgb), "JPEG", quality=100)
    header: dict[str, Any] = {"SamplesPerPixel": 3, "PlanarConfiguration": 0}
    for photometric in ("YBR_FULL_422", "YBR_FULL", "RGB"):
        data = write_dicom(FILM, uid.JPEGBaseline8Bit, picture, PhotometricInterpretation=photometric, **header)
        check(read_image(data), RIGHT, atol=0.02)
    coloured = rgb.copy()
    coloured[10:20, 10:20] = (200, 20, 20)
    picture = write_picture(Image.fromarray(coloured), "JPEG", quality=90)
    with pytest.raises(UnsupportedImage, match="in colour"):
        read_image(write_dicom(FILM, uid.JPEGBaseline8Bit, picture, PhotometricInterpretation="YBR_FULL_422", **header))
    check(read_image(container(rgb, "RGB", syntax=uid.RLELossless)), RIGHT)
    check(read_image(container(gray_in("YBR_FULL"), "YBR_FULL", syntax=uid.RLELossless)), RIGHT)
    check(read_image(container(rgb, "RGB", syntax=uid.JPEG2000Lossless)), RIGHT)


@pytest.mark.parametrize("syntax", [uid.JPEGLosslessSV1, uid.JPEGLSLossless])
def test_colour_that_gdcm_decodes(syntax: uid.UID) -> None:
    check(read_image(container(gray_in("RGB"), "RGB", syntax=syntax)), RIGHT)


def test_half_the_chroma() -> None:
    pairs = FILM.reshape(48, 24, 2)
    neutral = np.full((48, 24, 2), 128, np.uint8)
    header: dict[str, Any] = {"SamplesPerPixel": 3, "PlanarConfiguration": 0}
    header["PhotometricInterpretation"] = "YBR_FULL_422"
    data = np.concatenate([pairs, neutral], axis=2)
    check(read_image(write_dicom(FILM, PixelData=data.tobytes(), **header)), RIGHT)
    data[5, 5, 2] = 200
    with pytest.raises(UnsupportedImage, match="YBR_FULL_422 in colour"):
        read_image(write_dicom(FILM, PixelData=data.tobytes(), **header))
    # Some devices write all of it under the same name.
    check(read_image(write_dicom(FILM, PixelData=gray_in("YBR_FULL").tobytes(), **header)), RIGHT)


def palette(entries: list[list[int]], first: int, bits: int, packed: bool) -> list[DataElement]:
    """The six elements of a palette."""
    found = []
    for colour, values in zip(("Red", "Green", "Blue"), entries, strict=True):
        name = f"{colour}PaletteColorLookupTable"
        found.append(DataElement(f"{name}Descriptor", "US", [len(values) % 65536, first, bits]))
        found.append(DataElement(f"{name}Data", "OW", np.array(values, "u1" if packed else "<u2").tobytes()))
    return found


@hundred
@given(st.integers(0, 40), st.sampled_from([8, 16]), st.booleans(), st.integers(0, 2**31))
def test_palettes(first: int, bits: int, descending: bool, seed: int) -> None:
    packed = bits == 8
    levels = np.linspace(0, (1 << bits) - 1, 256 - first).round().astype(int)
    levels = levels[::-1] if descending else levels
    elements = palette([levels.tolist()] * 3, first, bits, packed)
    header = {"PhotometricInterpretation": "PALETTE COLOR"}
    right = levels[np.clip(FILM.astype(int) - first, 0, None)] / ((1 << bits) - 1)
    check(read_image(write_dicom(FILM, elements=elements, **header)), right)
    coloured = levels.copy()
    coloured[np.random.default_rng(seed).integers(0, levels.size)] = (coloured[0] + (1 << bits - 1)) % (1 << bits)
    if np.abs(coloured - levels).max() * 255 > 4 * (1 << bits):
        with pytest.raises(UnsupportedImage, match="PALETTE COLOR in colour"):
            read_image(
                write_dicom(
                    FILM, elements=palette([levels.tolist()] * 2 + [coloured.tolist()], first, bits, packed), **header
                )
            )
