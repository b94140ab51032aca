"""Questions are passed on: with the token as it is now, what went wrong in one line, and ended when nobody reads."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest

from launcher.torchserve_config import free_ports
from tests.fixtures.fake_server import PREDICTION
from web.app import Web
from web.upstream import Upstream

ENDED = 5.0


def until(holds):
    deadline = time.monotonic() + ENDED
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_prediction_is_passed_on_as_it_is(site, fake_server):
    response = site.post("/api/predict", b"film", headers={"X-File-Name": "M%C3%BCller%20Hans.dcm"})
    assert response.json() == PREDICTION
    (asked,) = fake_server.requests
    assert (asked.path, asked.body) == ("/predictions/coronet", b"film")
    assert asked.headers["content-type"] == "application/dicom"
    assert asked.headers["authorization"] == "Bearer secret"
    assert "ller" not in str(asked.headers)


def test_an_explanation_takes_its_options_from_the_query(site, fake_server):
    response = site.post("/api/explain?method=saliency&target=Healthy&seed=3")
    assert response.json()["method"] == "saliency"
    (asked,) = fake_server.requests
    assert asked.path == "/explanations/coronet-explain"
    assert b'name="target"\r\n\r\nHealthy' in asked.body
    assert b'name="seed"\r\n\r\n3' in asked.body
    assert site.get("/api/about").json()["usual_seconds"].keys() == {"saliency"}


@pytest.mark.parametrize("field", ["image", "name", "request_id", "self", "data", "format"])
def test_what_is_no_option_is_refused_here(site, fake_server, field):
    response = site.post(f"/api/explain?method=saliency&{field}=x")
    assert response.status_code == 400
    assert response.json()["error"].startswith(f"{field}: no such field")
    assert fake_server.requests == []


def test_no_server_is_said_and_one_that_comes_is_found(start_site, fake_server):
    (port,) = free_ports(1)
    away = start_site(Web(Upstream(f"http://127.0.0.1:{port}", token="secret")))
    response = away.post("/api/predict")
    assert response.status_code == 502
    assert response.json()["error"].startswith(f"no server at http://127.0.0.1:{port}: start one with 'coronet serve'")
    away.web.upstream = Upstream(fake_server.url, token="secret")
    assert away.post("/api/predict").status_code == 200


def test_a_server_that_was_restarted_is_asked_with_its_new_token(start_site, fake_server, tmp_path):
    keys = tmp_path / "key_file.json"
    site = start_site(Web(Upstream(fake_server.url, token_file=keys)))
    response = site.post("/api/predict")
    assert response.status_code == 502
    assert f"token file {keys} is missing" in response.json()["error"]
    for token in ("secret", "another"):
        keys.write_text(json.dumps({"inference": {"key": token}}))
        fake_server.token = token
        assert site.post("/api/predict").status_code == 200
    fake_server.token = "a third"
    response = site.post("/api/predict")
    assert response.status_code == 502
    assert "wrong or expired" in response.json()["error"]


@pytest.mark.parametrize(
    ("answer", "status", "words"),
    [
        ((400, {"code": 400, "type": "InvalidImage", "message": "no image\nat all"}), 400, "no image at all"),
        ((415, {"code": 415, "type": "UnsupportedImage", "message": "found a CT"}), 415, "found a CT"),
        ((404, {"code": 404, "type": "ModelNotFoundException", "message": "Model not found"}), 502, "serves no model"),
        ((503, {"code": 503, "type": "Overloaded", "message": "the queue is full"}), 503, "the queue is full"),
        ((503, {"code": 503, "type": "ServiceUnavailableException", "message": "No worker"}), 503, "No worker"),
        (
            (500, {"code": 500, "type": "InternalServerException", "message": "died"}),
            500,
            "could not answer (500: died)",
        ),
        ((200, b"<html>a proxy's page"), 502, "not as CoroNet does"),
    ],
    ids=lambda value: value[1].get("type") if isinstance(value, tuple) and isinstance(value[1], dict) else None,
)
def test_what_went_wrong_is_one_line_with_a_status_that_says_whether_to_wait(site, fake_server, answer, status, words):
    fake_server.answers.append(answer)
    started = time.monotonic()
    response = site.post("/api/predict")
    assert time.monotonic() - started < 3  # the page waits, not this server
    assert response.status_code == status
    assert words in response.json()["error"]
    assert "\n" not in response.json()["error"]
    assert response.headers.get("Retry-After") == ("2" if status == 503 else None)


def test_one_that_takes_too_long_is_not_to_be_repeated(site, fake_server, monkeypatch):
    release = threading.Event()
    fake_server.on_request = lambda request: release.wait(ENDED)
    monkeypatch.setattr("web.asking.PREDICT_PATIENCE", 0.2)
    monkeypatch.setattr(Upstream.client, "__defaults__", (0.2,))
    response = site.post("/api/predict")
    release.set()
    assert response.status_code == 504
    assert response.json()["error"].startswith("no answer within 0.2 s")


def browser(site, path: str) -> socket.socket:
    """The connection of a browser that has sent a film and may go away."""
    connection = socket.create_connection(("127.0.0.1", site.port), ENDED)
    connection.sendall(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\n\r\nfilm".encode())
    return connection


def test_an_explanation_whose_browser_goes_is_ended_at_the_server(site, fake_server):
    release = threading.Event()
    fake_server.on_request = lambda request: request.path.startswith("/explanations/") and release.wait(ENDED)
    reader = browser(site, "/api/explain?method=saliency")
    until(lambda: len(fake_server.requests) == 1)
    reader.close()
    until(lambda: len(fake_server.requests) == 2)
    release.set()
    explained, told = fake_server.requests
    assert told.path == "/predictions/coronet"
    assert json.loads(told.body) == {"abandon": explained.headers["x-coronet-request"]}
    until(lambda: "coronet_web_cancelled_total 1\n" in site.get("/metrics").text)
    assert 'coronet_web_requests_total{kind="explain",status="499"} 1' in site.get("/metrics").text


def test_the_one_behind_it_is_answered(site, fake_server):
    release = threading.Event()
    fake_server.on_request = lambda request: len(fake_server.requests) == 1 and release.wait(ENDED)
    reader = browser(site, "/api/explain?method=saliency")
    until(lambda: len(fake_server.requests) == 1)
    reader.close()
    assert site.post("/api/explain?method=grad_cam").json()["method"] == "grad_cam"
    release.set()


def test_a_stopping_page_ends_its_explanations(site, fake_server):
    release = threading.Event()
    fake_server.on_request = lambda request: request.path.startswith("/explanations/") and release.wait(ENDED)
    reader = browser(site, "/api/explain?method=saliency")
    until(lambda: len(fake_server.requests) == 1)
    started = time.monotonic()
    site.stop()
    assert time.monotonic() - started < 10
    until(lambda: len(fake_server.requests) == 2)
    assert "abandon" in json.loads(fake_server.requests[1].body)
    release.set()
    reader.close()
