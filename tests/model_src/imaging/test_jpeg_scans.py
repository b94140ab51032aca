"""A small JPEG that asks for hours of work: scans are counted before anything is decoded."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np
import pytest
from pydicom import uid

from model_src.errors import UnsupportedImage
from model_src.imaging.formats import read_image
from model_src.imaging.jpeg_scans import check_scans, count_scans

Writer = Callable[..., bytes]


def with_more_scans(data: bytes, more: int) -> bytes:
    """A progressive JPEG with its last scan repeated: it decodes to the same picture, later."""
    last = data.rindex(b"\xff\xda")
    return data[:-2] + data[last:-2] * more + data[-2:]


@pytest.fixture
def progressive(write_picture: Writer) -> bytes:
    """1000 x 1000 black pixels; libjpeg makes six scans of gray."""
    return write_picture(np.zeros((1000, 1000), np.uint8), "JPEG", progressive=True)


def test_scans_are_counted(write_picture: Writer, progressive: bytes) -> None:
    assert count_scans(progressive) == 6
    assert count_scans(with_more_scans(progressive, 100)) == 106
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    assert count_scans(write_picture(noise, "JPEG", restart_marker_blocks=2)) == 1
    assert count_scans(write_picture(noise, "JPEG", progressive=True)) == 10
    thumbnail = b"\xff\xe1" + struct.pack(">H", len(progressive) % 60_000 + 2) + progressive[:60_000]
    assert count_scans(progressive[:2] + thumbnail + progressive[2:]) == 6
    assert count_scans(progressive + progressive) == 6  # what follows the end is not decoded


@pytest.mark.parametrize("kept", [0, 1, 2, 3, 21, 400])
def test_a_damaged_stream_is_counted_as_far_as_it_goes(progressive: bytes, kept: int) -> None:
    assert count_scans(progressive[:kept]) <= 6


def test_the_limit_is_fifteen_scans_of_the_largest_image(progressive: bytes) -> None:
    fifteen = with_more_scans(progressive, 9)
    check_scans(fifteen, 8000, 8000)
    with pytest.raises(UnsupportedImage, match=r"8000 x 8000 pixels in 16 scans, need at most 15; save it as baseline"):
        check_scans(with_more_scans(fifteen, 1), 8000, 8000)


def test_a_bomb_is_refused_in_both_kinds_of_files(write_dicom: Writer, progressive: bytes) -> None:
    bomb = with_more_scans(progressive, 1000)
    with pytest.raises(UnsupportedImage, match="1006 scans"):
        read_image(bomb)
    with pytest.raises(UnsupportedImage, match="1006 scans"):
        read_image(write_dicom(np.zeros((1000, 1000), np.uint8), uid.JPEGBaseline8Bit, frame=bomb))
    assert read_image(with_more_scans(progressive, 100)).pixels.max() == 0
