"""Any bytes are of one format, or refused with an error that can be shown; decoding raises nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from model_src.errors import RequestError
from model_src.imaging.formats import ACCEPTED, FORMATS, declared_pixels, find_format, read_image
from tests.image_writers import write_dicom, write_picture
from tests.properties import check_message

SIGNATURES = {
    "DICOM": bytes(128) + b"DICM",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "JPEG": b"\xff\xd8\xff",
    "WEBP": b"RIFF\x10\0\0\0WEBP",
    "TIFF": b"II*\0",
}
OTHERS = [
    b"%PDF-",
    b"GIF89a",
    b"PK\3\4",
    b"\x1f\x8b\x08",
    b"<html>",
    b'{"data"',
    b"data:image/png;base64,",
    b"P5 ",
    b"",
]
PIXELS = np.arange(16 * 24, dtype=np.uint8).reshape(16, 24)
FILES = {
    "PNG": write_picture(PIXELS),
    "JPEG": write_picture(PIXELS, "JPEG"),
    "TIFF": write_picture(PIXELS, "TIFF"),
    "WEBP": write_picture(PIXELS, "WEBP"),
    "DICOM": write_dicom(PIXELS.astype(np.uint16)),
}
HEADS = st.sampled_from([*SIGNATURES.values(), *OTHERS])
DAMAGE = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4)  # places and bytes put there


def test_every_format_is_tried_here() -> None:
    assert set(SIGNATURES) == set(FILES) == {row.name for row in FORMATS}


@given(st.builds(lambda head, rest: head + rest, HEADS, st.binary(max_size=200)))
def test_any_bytes_have_a_format_or_are_refused(data: bytes) -> None:
    assert declared_pixels(data) >= 0
    try:
        found = find_format(data)
    except RequestError as error:
        check_message(error, ACCEPTED)
        return
    assert found in FORMATS


@given(st.sampled_from(sorted(SIGNATURES)), st.binary(max_size=600))
def test_a_signature_decides_whatever_follows(name: str, rest: bytes) -> None:
    assert find_format(SIGNATURES[name] + rest).name == name


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, about damaged elements
@given(st.sampled_from(sorted(FILES)), DAMAGE, st.integers(0, 400))
@example("PNG", [], 0)
@example("DICOM", [(140, 0)], 0)
def test_damaged_files_are_read_or_refused(name: str, damage: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(FILES[name])
    for place, value in damage:
        data[place % len(data)] = value
    data = data[: max(1, len(data) - cut)]
    try:
        image = read_image(bytes(data))
    except RequestError as error:
        check_message(error)
        return
    assert image.pixels.ndim == 2
    assert np.isfinite(image.pixels).all()
    assert 0 <= image.pixels.min() <= image.pixels.max() <= 1
