"""The client against a fake server: what it sends, and what it makes of every kind of answer."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path

import pytest
from PIL import Image

from client import http
from client.http import CoroNetClient
from client.tokens import TokenSource
from model_src.errors import (
    ImageTooLarge,
    InternalError,
    InvalidImage,
    InvalidRequest,
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


def test_a_server_that_has_answered_may_be_restarted(fake_server, tmp_path, monkeypatch):
    """First its key file goes, then the server; both come back."""
    key_file = tmp_path / "key_file.json"
    key_file.write_text("secret")
    client = CoroNetClient(fake_server.url, TokenSource(file=key_file))
    client.predict(b"x")
    waits = []

    def come_back(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            key_file.write_text("secret")
            client.url = "http://127.0.0.1:1"
        else:
            client.url = fake_server.url

    key_file.unlink()
    monkeypatch.setattr(http.time, "sleep", come_back)
    assert client.predict(b"x")["label"] == "COVID-19"
    assert waits == list(http.RETRY_WAITS)
    # one that stays away is given up
    client.url = "http://127.0.0.1:1"
    monkeypatch.setattr(http.time, "sleep", waits.append)
    with pytest.raises(ServerError, match="no server"):
        client.predict(b"x")
    assert len(waits) == 2 * len(http.RETRY_WAITS)


def test_a_server_never_met_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(http.time, "sleep", lambda seconds: pytest.fail("waited"))
    with pytest.raises(ServerError, match="no server"):
        CoroNetClient("http://127.0.0.1:1", "secret").predict(b"x")


def test_no_server():
    with pytest.raises(ServerError, match=r"no server at http://127\.0\.0\.1:1: start one with 'coronet serve'"):
        CoroNetClient("http://127.0.0.1:1", "secret").predict(b"x")


def test_a_name_that_is_no_machines():
    with pytest.raises(ServerError, match="check the address"):
        CoroNetClient("http://no-such-host.invalid:8080", "secret").predict(b"x")


@pytest.fixture
def closing_server() -> Iterator[str]:
    """The address of a server that takes connections and closes them, as one does that is about to end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def close_each() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listening.accept()
                    connection.recv(100)
                    connection.close()

        threading.Thread(target=close_each, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def test_a_server_that_is_starting_or_stopping(closing_server):
    with pytest.raises(ServerError) as caught:
        CoroNetClient(closing_server, "secret").predict(b"x")
    assert str(caught.value) == f"the server at {closing_server} is starting or stopping: try again in a moment"


def test_a_proxy_that_does_not_answer(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(ServerError, match=r"the proxy on the way to .*NO_PROXY"):
        CoroNetClient("http://192.0.2.1:8080", "secret").predict(b"x")


def test_no_answer_in_time(fake_server, monkeypatch):
    from threading import Event

    release = Event()
    fake_server.on_request = lambda request: release.wait(5)
    with pytest.raises(Overloaded, match=r"no answer .* within 0\.1 s"):
        CoroNetClient(fake_server.url, "secret", timeout=0.1).predict(b"x")
    release.set()


def test_a_wrong_token_is_told_from_a_bad_image(fake_server):
    with pytest.raises(ServerError, match="refused the token given"):
        CoroNetClient(fake_server.url, "guess").predict(b"x")


def test_proxy_settings_do_not_catch_requests_to_this_machine(fake_server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert CoroNetClient(fake_server.url, "secret").predict(b"x")["label"] == "COVID-19"


def test_netrc_does_not_replace_the_token(fake_server, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password mine\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client = CoroNetClient(fake_server.url, "secret")
    client._session.trust_env = True  # as for a server on another machine
    assert client.predict(b"x")["label"] == "COVID-19"


def key_file(path: Path, inference: str) -> Path:
    path.write_text(json.dumps({"inference": {"key": inference}, "API": {"key": "api"}}))
    return path


def test_a_token_renewed_meanwhile_is_read_again(fake_server, tmp_path):
    path = key_file(tmp_path / "key_file.json", "old")

    def renew(request):
        key_file(path, "secret")

    fake_server.on_request = renew
    assert CoroNetClient(fake_server.url, TokenSource(file=path)).predict(b"x")["label"] == "COVID-19"
    assert [request.headers["authorization"] for request in fake_server.requests] == [
        "Bearer old",
        "Bearer secret",
    ]


def test_an_expired_token_of_our_own_server_is_renewed_with_the_api_key(fake_server, tmp_path):
    path = key_file(tmp_path / "key_file.json", "old")

    def management(request):
        if request.path == "/token?type=inference" and request.headers["authorization"] == "Bearer api":
            key_file(path, "secret")
            fake_server.answers = [(200, b"")]

    fake_server.on_request = management
    source = TokenSource(file=path, management_url=fake_server.url)
    assert CoroNetClient(fake_server.url, source).predict(b"x")["label"] == "COVID-19"
    assert [request.method for request in fake_server.requests] == ["POST", "GET", "POST"]


def test_a_token_that_cannot_be_renewed_is_refused_once(fake_server, tmp_path):
    source = TokenSource(file=key_file(tmp_path / "key_file.json", "old"), management_url="http://127.0.0.1:1")
    with pytest.raises(ServerError, match=r"refused the token in .*key_file\.json"):
        CoroNetClient(fake_server.url, source).predict(b"x")
    assert len(fake_server.requests) == 1


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


@pytest.mark.parametrize("token", ["se\ncret", "s\u00e9cret", "secret\r"])
def test_a_token_that_cannot_be_sent_is_not_quoted(fake_server, token):
    with pytest.raises(ServerError, match="characters that no token has") as caught:
        CoroNetClient(fake_server.url, token).predict(b"x")
    assert "cret" not in str(caught.value)
    assert fake_server.requests == []


def sent_and_abandoned(server) -> tuple[str, object]:
    explained, told = server.requests
    assert told.path == "/predictions/coronet"
    return explained.headers["x-coronet-request"], json.loads(told.body)["abandon"]


def test_an_explanation_nobody_waits_for_is_abandoned(fake_server):
    release = threading.Event()
    fake_server.on_request = lambda request: release.wait(5) if len(fake_server.requests) == 1 else None
    with pytest.raises(Overloaded):
        CoroNetClient(fake_server.url, "secret", timeout=0.2).explain(b"x", method="saliency")
    release.set()
    sent, abandoned = sent_and_abandoned(fake_server)
    assert sent == abandoned
    assert len(sent) == 32


def test_ctrl_c_abandons_an_explanation_and_goes_on(fake_server, monkeypatch):
    client = CoroNetClient(fake_server.url, "secret")
    post = client._session.post

    def interrupted(url: str, **arguments: object) -> object:
        response = post(url, **arguments)
        if "/explanations/" in url:
            raise KeyboardInterrupt
        return response

    monkeypatch.setattr(client._session, "post", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.explain(b"x", method="saliency")
    sent, abandoned = sent_and_abandoned(fake_server)
    assert sent == abandoned


def test_a_prediction_is_too_short_to_be_abandoned(fake_server):
    release = threading.Event()
    fake_server.on_request = lambda request: release.wait(5)
    with pytest.raises(Overloaded):
        CoroNetClient(fake_server.url, "secret", timeout=0.2).predict(b"x")
    release.set()
    assert [request.path for request in fake_server.requests] == ["/predictions/coronet"]
