"""Results by STOW-RS: what is sent, and what each answer means."""

from __future__ import annotations

import base64

import pytest

from pacs.delivery import Later, Rejected
from pacs.settings import StowTarget
from pacs.stow import StowSender


def sender(server, **more) -> StowSender:
    return StowSender(StowTarget(url=f"{server.url}/dicom-web/studies", **more), timeout=2)


def failed(*reasons: int) -> dict:
    return {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [reason]}} for reason in reasons]}}


def test_all_objects_go_in_one_request(fake_server):
    fake_server.answers = [(200, {})]
    sender(fake_server).send({"report": b"ONE", "map": b"TWO"})
    (request,) = fake_server.requests
    assert (request.method, request.path) == ("POST", "/dicom-web/studies")
    boundary = request.headers["content-type"].partition("boundary=")[2]
    part = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n"
    assert request.body == f"{part}ONE\r\n{part}TWO\r\n--{boundary}--\r\n".encode()


@pytest.mark.parametrize("answer", [(200, {}), (202, {}), (200, b""), (409, failed(0x0111)), (202, failed(0x0111))])
def test_what_counts_as_stored(fake_server, answer):
    fake_server.answers = [answer]
    sender(fake_server).send({"report": b"x"})


@pytest.mark.parametrize("answer", [(500, {}), (503, b"busy"), (429, {}), (409, failed(0xA700)), (202, failed(0xA700))])
def test_what_may_pass(fake_server, answer):
    fake_server.answers = [answer]
    with pytest.raises(Later):
        sender(fake_server).send({"report": b"x"})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((409, failed(0xA900, 0x0111)), "it answers 409 Conflict, reasons A900, 0111"),
        ((202, failed(0xC000)), "reasons C000"),
        ((204, b""), "it answers 204 No Content"),
    ],
)
def test_what_does_not_pass(fake_server, answer, says):
    fake_server.answers = [answer]
    with pytest.raises(Rejected, match=says):
        sender(fake_server).send({"report": b"x"})


@pytest.mark.parametrize("status", [302, 401, 403, 404])
def test_a_wrong_address_or_password_keeps_films_waiting(fake_server, status):
    fake_server.answers = [(status, {})]
    with pytest.raises(Later, match=f"it answers {status} .*: correct the target's url or secret"):
        sender(fake_server).send({"report": b"x"})


def test_secrets_come_from_files(fake_server, tmp_path):
    (tmp_path / "secret").write_text("open sesame\n")
    fake_server.answers = [(200, {}), (200, {})]
    sender(fake_server, user="coronet", password_file=tmp_path / "secret").send({"report": b"x"})
    sender(fake_server, token_file=tmp_path / "secret").send({"report": b"x"})
    basic, bearer = (request.headers["authorization"] for request in fake_server.requests)
    assert base64.b64decode(basic.removeprefix("Basic ")) == b"coronet:open sesame"
    assert bearer == "Bearer open sesame"


def test_a_server_that_is_away_says_so():
    nobody = StowSender(StowTarget(url="http://127.0.0.1:1/studies"), timeout=1)
    with pytest.raises(Later, match="does not answer"):
        nobody.send({"report": b"x"})
    assert "does not answer" in nobody.check()


def test_a_check_says_nothing_of_a_server_that_answers(fake_server):
    assert "does not" not in sender(fake_server).check()
