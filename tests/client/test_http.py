"""The client against a fake server: what it sends, and what it makes of every kind of answer."""

from __future__ import annotations

import io
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP

import pytest
from PIL import Image

from client import http
from client.http import CoroNetClient
from model_src.errors import (
    ImageTooLarge,
    InternalError,
    InvalidImage,
    InvalidRequest,
    NotAcceptable,
    Overloaded,
    ServerError,
    UnsupportedImage,
)


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "RETRY_WAITS", (0.01, 0.01))


def error(status: int, kind: str, message: str = "what, need, do") -> tuple[int, dict[str, object]]:
    return status, {"code": status, "type": kind, "message": message}


def test_predict_sends_the_raw_bytes_with_token_and_type(fake_server):
    answer = CoroNetClient(fake_server.url + "/", "secret").predict(b"\x89PNG...", "patient name.png")
    assert answer["label"] == "COVID-19"
    (request,) = fake_server.requests
    assert request.path == "/predictions/coronet"
    assert request.body == b"\x89PNG..."
    assert request.headers["content-type"] == "image/png"
    assert request.headers["authorization"] == "Bearer secret"
    assert "patient" not in str(request.headers)


OBJECTS = 'multipart/related; type="application/dicom"'
PARTS = b"--b\r\nContent-Type: application/dicom\r\nContent-Location: report\r\n\r\nDICM\r\n--b--\r\n"


@pytest.mark.parametrize("method", ["predict_dicom", "explain_dicom"])
def test_dicom_is_asked_for_by_its_media_type_and_comes_in_parts(fake_server, method):
    fake_server.answers, fake_server.content_type = [(200, PARTS)], f"{OBJECTS}; boundary=b"
    client = CoroNetClient(fake_server.url, "secret")
    assert getattr(client, method)(b"film") == {"report": b"DICM"}
    (request,) = fake_server.requests
    assert request.headers["accept"] == OBJECTS
    assert b"film" in request.body


def test_options_go_with_a_film(fake_server):
    fake_server.answers, fake_server.content_type = [(200, PARTS)], f"{OBJECTS}; boundary=b"
    name = "0" * 32
    CoroNetClient(fake_server.url, "secret").explain_dicom(b"film", request_id=name, method="saliency", seed=3)
    (request,) = fake_server.requests
    assert request.headers["x-coronet-request"] == name
    assert b'name="method"\r\n\r\nsaliency' in request.body
    assert b'name="seed"\r\n\r\n3' in request.body


def test_a_film_that_cannot_have_dicom_is_said_as_the_server_says_it(fake_server):
    fake_server.answers = [error(406, "NotAcceptable", "found a PNG file, need a DICOM file")]
    with pytest.raises(NotAcceptable, match=r"^found a PNG file, need a DICOM file$"):
        CoroNetClient(fake_server.url, "secret").predict_dicom(b"png")


def test_a_server_that_knows_no_dicom_is_told_apart(fake_server):
    fake_server.content_type = "application/json"
    with pytest.raises(ServerError, match=r"answered with application/json, need multipart/related"):
        CoroNetClient(fake_server.url, "secret").predict_dicom(b"film")


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.PNG", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.dcm", "application/dicom"),
        ("IM0001", "application/octet-stream"),
        # TorchServe would hand these to the model as text or parsed JSON
        ("a.txt", "application/octet-stream"),
        ("a.json", "application/octet-stream"),
    ],
)
def test_content_type_by_name(fake_server, name, content_type):
    CoroNetClient(fake_server.url, "secret").predict(b"x", name)
    assert fake_server.requests[0].headers["content-type"] == content_type


def test_explain_sends_a_form_with_file_and_options_but_no_file_name(fake_server):
    client = CoroNetClient(fake_server.url, "secret")
    answer = client.explain(b"\x00bytes", "doe.dcm", method="occlusion", steps=20, target="Healthy")
    assert answer["method"] == "occlusion"
    (request,) = fake_server.requests
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    form: EmailMessage = BytesParser(policy=HTTP).parsebytes(head + request.body)
    parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
    assert {name: part.get_content() for name, part in parts.items() if name != "data"} == {
        "method": "occlusion",
        "steps": "20",
        "target": "Healthy",
    }
    assert parts["data"].get_content() == b"\x00bytes"
    assert parts["data"].get_content_type() == "application/dicom"
    assert b"doe" not in request.body


def test_explanations_are_asked_of_the_workers_that_only_explain(fake_server):
    CoroNetClient(fake_server.url, "secret").explain(b"x", method="saliency")
    assert [request.path for request in fake_server.requests] == ["/explanations/coronet-explain"]


@pytest.mark.parametrize("missing", [error(404, "ModelNotFoundException"), (404, b"a proxy's page")])
def test_a_server_without_such_workers_is_asked_in_vain_only_once(fake_server, missing):
    fake_server.answers = [missing]
    client = CoroNetClient(fake_server.url, "secret")
    for _ in range(2):
        assert client.explain(b"x", method="saliency")["method"] == "saliency"
    asked = [request.path.removeprefix("/explanations/") for request in fake_server.requests]
    assert asked == ["coronet-explain", "coronet", "coronet"]
    assert all(b"saliency" in request.body for request in fake_server.requests)


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "InvalidImage", InvalidImage),
        (400, "InvalidRequest", InvalidRequest),
        (413, "ImageTooLarge", ImageTooLarge),
        (415, "UnsupportedImage", UnsupportedImage),
        (500, "InternalError", InternalError),
    ],
)
def test_errors_of_the_contract_come_back_as_the_classes_the_server_raised(fake_server, status, kind, raised):
    fake_server.answers = [error(status, kind)]
    with pytest.raises(raised, match=r"^what, need, do$") as caught:
        CoroNetClient(fake_server.url, "secret").predict(b"x")
    assert type(caught.value) is raised


@pytest.mark.parametrize(
    ("answer", "raised", "says"),
    [
        ((413, b""), ImageTooLarge, "max_request_size"),
        (error(404, "ModelNotFoundException"), ServerError, "serves no model 'coronet'"),
        (error(500, "InternalServerException", "Worker died."), InternalError, "500: Worker died"),
        ((200, b"<html>"), ServerError, "address of TorchServe"),
        ((200, b"[1]"), ServerError, "address of TorchServe"),
        ((404, b"not here"), ServerError, "answered 404"),
        # a type from the server must not pick any other name of the errors module
        (error(400, "CoroNetError"), ServerError, "answered 400"),
    ],
)
def test_other_bad_answers_say_what_to_do(fake_server, answer, raised, says):
    fake_server.answers = [answer]
    with pytest.raises(raised, match=says) as caught:
        CoroNetClient(fake_server.url, "secret").predict(b"x")
    assert type(caught.value) is raised
    assert "\n" not in str(caught.value)


def test_a_busy_server_is_asked_again(fake_server):
    busy = error(503, "ServiceUnavailableException")
    fake_server.answers = [busy, busy]
    assert CoroNetClient(fake_server.url, "secret").predict(b"x")["label"] == "COVID-19"
    assert len(fake_server.requests) == 3


def test_a_server_that_stays_busy_is_given_up(fake_server):
    fake_server.answers = [error(503, "ServiceUnavailableException", "no worker")] * 10
    with pytest.raises(Overloaded, match="503: no worker"):
        CoroNetClient(fake_server.url, "secret").predict(b"x")
    assert len(fake_server.requests) == 1 + len(http.RETRY_WAITS)


def test_ready_asks_the_model(fake_server):
    client = CoroNetClient(fake_server.url, "secret")
    assert client.ready()
    paths = [request.path for request in fake_server.requests]
    assert paths == ["/predictions/coronet", "/explanations/coronet-explain"]
    assert b"saliency" in fake_server.requests[1].body
    image = Image.open(io.BytesIO(fake_server.requests[0].body))
    assert (image.format, image.size, image.mode) == ("PNG", (64, 64), "L")
    assert image.getpixel((0, 0)) == 0
    assert image.getpixel((63, 5)) == 255
    for answers in ([error(503, "ServiceUnavailableException")], [(200, {"label": "Healthy"}), error(500, "Internal")]):
        fake_server.answers = answers
        assert not client.ready()
    fake_server.answers = [(200, {"label": "Healthy"}), error(404, "ModelNotFoundException")]
    assert client.ready()  # one model does both
    assert not CoroNetClient("http://127.0.0.1:1", "secret").ready()
