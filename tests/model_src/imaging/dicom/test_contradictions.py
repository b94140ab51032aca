"""Where pixels and header contradict each other: a hundred generated neighbours of each kind show the right picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydicom import uid
from pydicom.dataelem import DataElement

from model_src.imaging.formats import read_image
from tests.fixtures.decoded_images import check, hundred
from tests.image_writers import dicom_frame, smooth_film, write_dicom, write_picture

FILM = smooth_film(48)  # 12 bits
SHALLOW = (FILM >> 4).astype(np.uint8)
NATIVE = [uid.ImplicitVRLittleEndian, uid.ExplicitVRLittleEndian, uid.ExplicitVRBigEndian]


@hundred
@given(st.integers(9, 15), st.data())
def test_markers_above_the_stored_bits_are_white(stored: int, data: st.DataObject) -> None:
    film = smooth_film(48, (1 << stored) - 1)
    values = data.draw(st.lists(st.integers(1 << stored, 65535), min_size=1, max_size=3))
    row, column = data.draw(st.tuples(st.integers(0, 40), st.integers(0, 40)))
    samples = film.copy()
    samples[row : row + 4, column : column + 4] = np.resize(values, (4, 4))
    right = film / ((1 << stored) - 1)
    right[row : row + 4, column : column + 4] = 1
    check(read_image(write_dicom(samples, BitsStored=stored)), right, "16 samples are above")


def overlay(group: int, position: int) -> list[DataElement]:
    """An overlay plane that lies in the pixel data, as old devices drew."""
    values = [(0x10, "US", 48), (0x11, "US", 48), (0x40, "CS", "G"), (0x50, "SS", [1, 1])]
    values += [(0x100, "US", 16), (0x102, "US", position)]
    return [DataElement((group, element), vr, value) for element, vr, value in values]


@hundred
@given(
    st.sampled_from([0x6000, 0x6002, 0x601E]),
    st.integers(12, 15),
    st.integers(0, 2**32 - 1),
    st.sampled_from([uid.ExplicitVRLittleEndian, uid.RLELossless, uid.JPEG2000Lossless]),
)
def test_overlays_in_the_upper_bits_are_invisible(group: int, position: int, seed: int, syntax: uid.UID) -> None:
    drawn = np.kron(np.random.default_rng(seed).random((12, 12)) < 0.3, np.ones((4, 4))).astype(bool)
    samples = np.where(drawn, FILM | 1 << position, FILM).astype(np.uint16)
    frame = dicom_frame(samples, syntax) if syntax == uid.JPEG2000Lossless else None
    elements = overlay(group, position)
    check(read_image(write_dicom(samples, syntax, frame, elements=elements, BitsStored=12)), FILM / 4095)


def test_an_overlay_that_nothing_declares_is_ignored_and_said() -> None:
    drawn = np.kron(np.random.default_rng(3).random((12, 12)) < 0.5, np.ones((4, 4))).astype(bool)
    samples = np.where(drawn, FILM | 1 << 13, FILM).astype(np.uint16)
    check(read_image(write_dicom(samples, BitsStored=12)), FILM / 4095, "the bits above are ignored")


@hundred
@given(st.integers(8, 14), st.integers(2, 8), st.sampled_from(["MONOCHROME1", "MONOCHROME2"]), st.booleans())
def test_windows_for_more_bits(stored: int, more: int, photometric: str, exact: bool) -> None:
    white = (1 << stored) - 1
    film = smooth_film(48, white)
    width = 1 << stored + more
    header: dict[str, Any] = {
        "WindowCenter": width // 2,
        "WindowWidth": width,
        "PhotometricInterpretation": photometric,
    }
    header |= {"VOILUTFunction": "LINEAR_EXACT"} if exact else {}
    right = film / white if photometric == "MONOCHROME2" else 1 - film / white
    samples = film.astype(np.uint8) if stored == 8 else film
    check(read_image(write_dicom(samples, BitsStored=stored, **header)), right, "is made for other values")


@hundred
@given(st.integers(10, 16), st.sampled_from([8, 10, 12, 14]), st.integers(0, 1))
def test_windows_for_fewer_bits(stored: int, window: int, off: int) -> None:
    assume(window <= stored - 2)
    film = smooth_film(48, (1 << stored) - 1)
    header = {"WindowCenter": (1 << window - 1) - off, "WindowWidth": (1 << window) - off}
    decoded = read_image(write_dicom(film, BitsStored=stored, **header))
    check(decoded, film / ((1 << stored) - 1), f"is made for {window} bits, the samples have more")


@hundred
@given(st.integers(0, 4000), st.integers(0, 500), st.booleans())
def test_any_other_window_is_followed(low: int, extra: int, first_of_two: bool) -> None:
    width = 1700 + extra  # far from a power of two
    center = low + width // 2
    header: dict[str, Any] = {"WindowCenter": center, "WindowWidth": width}
    if first_of_two:
        header = {"WindowCenter": [center, 1], "WindowWidth": [width, 2]}
    decoded = read_image(write_dicom(FILM, BitsStored=12, **header))
    if decoded.warnings:  # only where it leaves hardly anything
        assert np.mean((low < FILM) & (low + width > FILM)) < 0.2
    else:
        right = np.clip((FILM - (center - 0.5)) / (width - 1) + 0.5, 0, 1)
        np.testing.assert_allclose(decoded.pixels, right, atol=2e-6)


@hundred
@given(st.integers(-32768, -1), st.sampled_from(NATIVE), st.booleans())
@example(-2000, uid.ExplicitVRLittleEndian, True)
def test_padding_of_the_wrong_sign(padding: int, syntax: uid.UID, wrong: bool) -> None:
    samples = FILM.astype(np.int16)
    samples[:, :9] = padding
    right = FILM / 4095
    right[:, :9] = 0
    vr, value = ("US", padding + 65536) if wrong else ("SS", padding)
    decoded = read_image(write_dicom(samples, syntax, elements=[DataElement("PixelPaddingValue", vr, value)]))
    told = wrong and syntax != uid.ImplicitVRLittleEndian  # where the element has no sign of its own
    check(decoded, right, *(["PixelPaddingValue"] if told else []), "4095 is taken as white")


@hundred
@given(st.integers(32768, 65535), st.integers(12, 15))
def test_padding_above_the_stored_bits(padding: int, stored: int) -> None:
    film = smooth_film(48, (1 << stored) - 1)
    samples, right = film.copy(), film / ((1 << stored) - 1)
    samples[:, :9], right[:, :9] = padding, 0
    check(read_image(write_dicom(samples, BitsStored=stored, PixelPaddingValue=padding)), right)
    negative = [DataElement("PixelPaddingValue", "SS", padding - 65536)]
    decoded = read_image(write_dicom(samples, BitsStored=stored, elements=negative))
    check(decoded, right, f"PixelPaddingValue {padding - 65536} is taken for {padding}")


@hundred
@given(st.integers(10, 16), st.floats(0.2, 0.8))
def test_signed_streams_under_an_unsigned_header(stored: int, zero: float) -> None:
    white = (1 << stored) - 1
    samples = (smooth_film(48, white).astype(np.int32) - round(zero * white)).clip(-(1 << stored - 1), white >> 1)
    samples = samples.astype(np.int16)
    frame = dicom_frame(samples, uid.JPEG2000Lossless, BitsStored=stored)
    wrong = write_dicom(samples.astype(np.uint16), uid.JPEG2000Lossless, frame, BitsStored=stored)
    signed = read_image(write_dicom(samples, BitsStored=stored))
    decoded = read_image(wrong)
    np.testing.assert_array_equal(decoded.pixels, signed.pixels)
    assert "the header says unsigned" in decoded.warnings[0]


@hundred
@given(st.integers(2000, 8000), st.sampled_from([{}, {"WindowCenter": 2048, "WindowWidth": 4096}]), st.integers(0, 1))
def test_all_samples_too_high(offset: int, window: dict[str, int], compressed: int) -> None:
    samples = (FILM.astype(np.uint32) + 30_000 + offset).astype(np.uint16)
    syntax = uid.JPEG2000Lossless if compressed else uid.ExplicitVRLittleEndian
    told = ["makes all pixels alike"] if window else []
    check(read_image(write_dicom(samples, syntax, **window)), FILM / 4095, *told, "all samples lie between")


@hundred
@given(st.integers(-2500, -1500))
def test_negative_values_under_an_unsigned_header(lowest: int) -> None:
    samples = (FILM.astype(np.int16) + lowest).clip(-2048, 2047)
    right = read_image(write_dicom(samples, BitsStored=12)).pixels
    decoded = read_image(write_dicom(samples.view(np.uint16), BitsStored=12))
    np.testing.assert_array_equal(decoded.pixels, right)
    assert "read as negative values" in decoded.warnings[0]


@hundred
@given(st.sampled_from([8, 10]), st.integers(0, 3), st.sampled_from([0, 1, 2]))
def test_streams_of_another_depth_than_the_header(bits: int, deeper: int, which: int) -> None:
    stored = 12 + deeper
    film = smooth_film(48, (1 << bits) - 1)
    samples = film.astype(np.uint8) if bits == 8 else film
    syntax = (uid.JPEG2000Lossless, uid.JPEGBaseline8Bit, uid.HTJ2KLossless)[which]
    if syntax == uid.JPEGBaseline8Bit:
        assume(bits == 8)
        frame = write_picture(samples, "JPEG", quality=100)
    else:
        frame = dicom_frame(samples, uid.JPEG2000Lossless, BitsStored=bits)
    decoded = read_image(write_dicom(film, syntax, frame, BitsStored=stored))
    told = f"the header says {stored} bits stored, the compressed pixels have {bits}"
    check(decoded, film / ((1 << bits) - 1), told, atol=0.02 if syntax == uid.JPEGBaseline8Bit else 2e-6)
    # And the other way round: more bits than are allocated.
    deep = dicom_frame(FILM, uid.JPEG2000Lossless, BitsStored=12)
    check(read_image(write_dicom(SHALLOW, uid.JPEG2000Lossless, deep)), FILM / 4095, "the header says 8 bits allocated")


@hundred
@given(st.integers(0, 2**31))
def test_swapped_bytes(seed: int) -> None:
    noisy = (FILM + np.random.default_rng(seed).integers(0, 30, FILM.shape)).clip(0, 4095).astype(np.uint16)
    check(read_image(write_dicom(noisy, BitsStored=12)), noisy / 4095)
    check(read_image(write_dicom(noisy.byteswap(), BitsStored=12)), noisy / 4095, "stand in the other order")
