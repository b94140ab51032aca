"""`coronet web` before a real TorchServe: a film's answers, an explanation given up, a server that is restarted."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pytest
import requests

from launcher.torchserve_config import free_ports
from tests.e2e.user import User
from tests.image_writers import smooth_film, write_dicom

FILM = write_dicom(smooth_film(96), BitsStored=12, HighBit=11, ViewPosition="PA", PatientName="SECRET^NAME")


@dataclass
class Open:
    """A page that somebody has opened, and the server behind it."""

    user: User
    serve: list[object]  # the words of `coronet serve`
    server: subprocess.Popen[str]
    url: str  # the page's

    def about(self) -> dict:
        return requests.get(f"{self.url}/api/about", timeout=30).json()

    def post(self, path: str, body: bytes = FILM) -> requests.Response:
        return requests.post(self.url + path, data=body, timeout=120)


@pytest.fixture(scope="module")
def page(model_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Open]:
    """One page for all tests; the one that restarts its server comes last."""
    user = User(tmp_path_factory.mktemp("user"))
    port, metrics_port, page_port = free_ports(3)
    words = ["--model-store", model_store, "--workers", 1, "--port", port, "--metrics-port", metrics_port]
    try:
        server, _ = user.serve(*words)
        web = user.start("web", "--port", page_port, "--url", f"http://127.0.0.1:{port}")
        assert web.stdout.readline() == f"the page is at http://127.0.0.1:{page_port}\n"
        yield Open(user, words, server, f"http://127.0.0.1:{page_port}")
    finally:
        user.leave()


def test_the_page_is_told_what_is_served(page):
    about = page.about()
    assert about["server"] == "ready"
    assert set(about["sha256"]) == {"tfen.pt", "cin.pt", "tfen.pt2", "cin.pt2"}
    assert "steps" in about["methods"]["saliency"]["options"]


def test_a_dicom_film_gets_picture_answer_and_explanation(page):
    film = page.post("/api/film")
    assert (film.headers["X-Film-Width"], film.headers["X-Film-Height"]) == ("96", "96")
    assert len(film.content) == 2 * 96 * 96
    assert json.loads(unquote(film.headers["X-Film-Facts"]))["view"] == "PA"
    predicted = page.post("/api/predict").json()
    explained = page.post("/api/explain?method=saliency&target=Healthy").json()
    assert predicted["image"] == {"format": "DICOM", "width": 96, "height": 96}
    assert predicted["probabilities"] == explained["probabilities"]
    assert (explained["method"], explained["target"]) == ("saliency", "Healthy")
    assert "SECRET" not in str((film.headers, predicted, explained))


def test_what_the_server_refuses_is_one_line(page):
    response = page.post("/api/predict", write_dicom(smooth_film(96), Modality="CT"))
    assert response.status_code == 415
    assert response.json()["error"].startswith("found DICOM modality CT")
    response = page.post("/api/explain?method=guess")
    assert (response.status_code, response.json()["error"][:29]) == (400, "method: found 'guess', need o")


def test_an_explanation_whose_browser_goes_frees_the_worker(page):
    host, port = page.url.removeprefix("http://").split(":")
    endless = "steps=1000&seeds=8&area=0&tv=0&lr=0.001&time_budget=300"
    long = f"POST /api/explain?method=meaningful_perturbation&{endless} HTTP/1.1"
    with socket.create_connection((host, int(port)), 10) as browser:
        browser.sendall(f"{long}\r\nHost: {host}\r\nContent-Length: {len(FILM)}\r\n\r\n".encode() + FILM)
        time.sleep(2)  # it is begun
    started = time.monotonic()
    assert page.post("/api/explain?method=saliency&score_steps=4").status_code == 200
    assert time.monotonic() - started < 150  # the long one takes 300 s
    assert "coronet_web_cancelled_total 1\n" in requests.get(f"{page.url}/metrics", timeout=10).text


def test_a_page_left_open_over_a_restart_of_the_server_says_so_and_recovers(page):
    page.server.send_signal(signal.SIGINT)
    assert page.server.wait(60) == 0
    response = page.post("/api/predict")
    assert response.status_code == 502
    assert "\n" not in response.json()["error"]
    assert "start one" in page.about()["server"]
    page.server, _ = page.user.serve(*page.serve)  # with new keys
    assert page.post("/api/predict").status_code == 200
    assert page.about()["server"] == "ready"
