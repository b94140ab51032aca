"""A multipart response is split at its boundary, and nowhere else; what is cut off is refused."""

from __future__ import annotations

import pytest

from client.multipart import split_parts
from model_src.errors import ServerError

TYPE = 'multipart/related; type="application/dicom"; boundary="b-1"'
BODY = (
    b"--b-1\r\nContent-Type: application/dicom\r\nContent-Location: report\r\n\r\nDICM\r\n\r\n--b\x00\xff\r\n"
    b"--b-1\r\nContent-Type: application/dicom\r\n\r\n\r\n--b-1--\r\n"
)


def test_parts_are_named_and_their_bytes_are_untouched():
    assert split_parts(TYPE, BODY) == {"report": b"DICM\r\n\r\n--b\x00\xff", "part-2": b""}


def test_a_boundary_without_quotes_is_the_same():
    assert split_parts(TYPE.replace('"b-1"', "b-1"), BODY) == split_parts(TYPE, BODY)


@pytest.mark.parametrize("cut", [0, 1, 60, len(BODY) - 3, len(BODY) - 4, len(BODY) - 12])
def test_a_body_that_is_cut_off_is_refused(cut):
    with pytest.raises(ServerError, match="cut off"):
        split_parts(TYPE, BODY[:cut])


@pytest.mark.parametrize("other", ["application/json", "", "multipart/related", "text/html; boundary=b-1"])
def test_another_content_type_is_refused(other):
    with pytest.raises(ServerError, match=r'need multipart/related; type="application/dicom"'):
        split_parts(other, BODY)
