"""What is joined here, the client and other people's parsers split again."""

from __future__ import annotations

from email.parser import BytesParser
from email.policy import HTTP

from hypothesis import given
from hypothesis import strategies as st

from client.multipart import DICOM_OBJECTS, split_parts
from outputs.multipart import content_type, join_parts, media_type

TYPE = "application/dicom"


def test_by_hand():
    body = join_parts({"report": b"DICM\r\n", "map": b""}, TYPE)
    boundary = content_type(TYPE).partition("boundary=")[2].encode()
    head = b"--" + boundary + b"\r\nContent-Type: application/dicom\r\nContent-Location: "
    end = b"--" + boundary + b"--\r\n"
    assert body == head + b"report\r\n\r\nDICM\r\n\r\n" + head + b"map\r\n\r\n\r\n" + end


def test_the_client_asks_for_what_is_offered():
    assert media_type(TYPE) == DICOM_OBJECTS


@given(st.dictionaries(st.sampled_from(["report", "map", "picture"]), st.binary(max_size=60), min_size=1))
def test_every_content_comes_back(parts):
    assert split_parts(content_type(TYPE), join_parts(parts, TYPE)) == parts


def test_a_parser_of_mail_finds_the_parts():
    body = join_parts({"report": b"DICM one", "map": b"DICM two"}, TYPE)
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type(TYPE)}\r\n\r\n".encode() + body)
    found = {part["Content-Location"]: part.get_content() for part in message.iter_parts()}
    assert found == {"report": b"DICM one", "map": b"DICM two"}
