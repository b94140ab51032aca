"""What the page is told of the served model, and of a server that is not there."""

from __future__ import annotations

import pytest

from client.tokens import TokenSource
from model_src.classes import CLASS_NAMES
from web import about
from web.about import About
from web.upstream import Upstream

DESCRIBED = {
    "model": "coronet",
    "class_names": list(CLASS_NAMES),
    "methods": {"saliency": {"summary": "Which?", "options": {"steps": {"default": 1}}}},
    "sha256": {"tfen.pt": "aa" * 32, "cin.pt": "cc" * 32},
}


class Management:
    """A server of this machine, as its management describes it."""

    def __init__(self, monkeypatch) -> None:
        self.ready, self.there, self.model, self.asked = True, True, dict(DESCRIBED), 0
        monkeypatch.setattr(Upstream, "token_source", lambda upstream: TokenSource(management_url="unix:/nowhere"))
        monkeypatch.setattr(about, "all_pools_work", lambda token: self.ready)
        monkeypatch.setattr(about, "describe", self.describe)
        monkeypatch.setattr(about, "_FRESH", 0.0)

    def describe(self, token, model, **parameters):
        if not self.there:
            return {}
        if parameters:
            self.asked += 1
        return {"modelVersion": "1.0"} | ({"customizedMetadata": self.model} if parameters else {})


@pytest.fixture
def management(monkeypatch):
    return Management(monkeypatch)


def test_a_server_of_this_machine_describes_itself_once(management):
    asking = About(Upstream())
    first, second = asking.read(), asking.read()
    assert first["server"] == second["server"] == "ready"
    assert first.items() >= DESCRIBED.items()
    assert management.asked == 1


def test_a_server_that_goes_and_comes_back_with_another_model_is_described_anew(management):
    asking = About(Upstream("http://127.0.0.1:8080"), ["saliency"])
    asking.read()
    management.ready = management.there = False
    away = asking.read()
    assert away["server"] == "no server at http://127.0.0.1:8080: start one with 'coronet serve'"
    assert away["class_names"] == list(CLASS_NAMES)
    assert "sha256" not in away
    management.there = True
    assert "has not loaded its model" in asking.read()["server"]
    management.ready, management.model = True, {**DESCRIBED, "sha256": {"cin.pt": "dd" * 32}}
    assert asking.read()["sha256"] == {"cin.pt": "dd" * 32}
    assert [asking.served(digest * 32) for digest in ("aa", "cc", "dd", "ee")] == [True, True, True, False]


def test_workers_that_are_too_busy_to_describe_are_ready_all_the_same(management):
    management.model = None
    answer = About(Upstream(), ["saliency"]).read()
    assert answer["server"] == "ready"
    assert answer["methods"] == {"saliency": {"summary": "", "options": {}}}


def test_a_server_elsewhere_is_asked_for_a_small_prediction(fake_server):
    answer = About(Upstream(fake_server.url, token="secret"), ["saliency", "grad_cam"]).read()
    assert answer["server"] == "ready"
    assert answer["model_version"] == "1.0"
    assert list(answer["methods"]) == ["saliency", "grad_cam"]
    assert [asked.path for asked in fake_server.requests] == ["/predictions/coronet"]


def test_a_wrong_token_is_said(fake_server):
    assert "wrong or expired" in About(Upstream(fake_server.url, token="other")).read()["server"]


def test_many_pages_ask_the_server_once(fake_server):
    asking = About(Upstream(fake_server.url, token="secret"))
    for _ in range(20):
        asking.read()
    assert len(fake_server.requests) == 1


def test_a_server_that_is_being_started_is_not_asked(site, fake_server):
    site.web.about.starting = "the model is being started"
    assert site.get("/api/about").json()["server"] == "the model is being started"
    for path in ("/api/predict", "/api/explain"):
        response = site.post(path)
        assert (response.status_code, response.json()) == (502, {"error": "the model is being started"})
    assert fake_server.requests == []


def test_usual_seconds_are_the_median():
    asking = About(Upstream("http://127.0.0.1:1", token="t"))
    for seconds in (1.0, 9.0, 2.0):
        asking.explained("saliency", seconds)
    assert asking.read()["usual_seconds"] == {"saliency": 2.0}
