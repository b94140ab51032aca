"""Whose page asks, by which name the server is called, and what a browser is told that it may do."""

from __future__ import annotations

import logging

import pytest

from web.guards import SECURITY_HEADERS
from web.upstream import Upstream


@pytest.mark.parametrize("path", ["/", "/static/index.html", "/api/about", "/metrics", "/nowhere"])
def test_every_response_has_the_headers(site, path):
    response = site.get(path)
    assert {name: response.headers.get(name) for name in SECURITY_HEADERS} == SECURITY_HEADERS


def test_the_page_may_load_nothing_from_elsewhere_and_nothing_inline(site):
    policy = site.get("/").headers["Content-Security-Policy"].split("; ")
    assert policy[0] == "default-src 'self'"
    assert "frame-ancestors 'none'" in policy
    assert not any("unsafe" in rule or "http" in rule or "data:" in rule for rule in policy)


def test_answers_are_kept_nowhere_and_files_are_asked_about_each_time(site):
    assert site.get("/api/about").headers["Cache-Control"] == "no-store"
    page, file = site.get("/"), site.get("/static/index.html")
    assert page.headers["Cache-Control"] == file.headers["Cache-Control"] == "no-cache"
    again = site.get("/static/index.html", headers={"If-None-Match": file.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "localhost.evil", "", "[::1", "127.0.0.2"])
def test_a_name_that_is_not_ours_is_refused(site, host):
    response = site.get("/api/about", headers={"Host": host})
    assert response.status_code == 403
    assert "--allow-host" in response.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1:1234", "LOCALHOST", "[::1]:8090"])
def test_our_names_are_taken_with_any_port(site, host):
    assert site.get("/api/about", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://["},  # no address at all
        {"Origin": "http://127.0.0.1:1"},  # another server's page on this machine
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
    ids=str,
)
def test_another_page_may_send_nothing(site, fake_server, headers):
    response = site.post("/api/predict", headers=headers)
    assert response.status_code == 403
    assert "another web page" in response.json()["error"]
    assert fake_server.requests == []


def test_the_own_page_and_programs_may_send(site):
    for headers in ({"Origin": site.url, "Sec-Fetch-Site": "same-origin"}, {}):
        assert site.post("/api/predict", headers=headers).status_code == 200


def test_behind_a_proxy_the_origin_is_that_of_the_name_that_was_typed(site):
    headers = {"Host": "localhost:8443", "Origin": "https://localhost:8443"}
    assert site.post("/api/predict", headers=headers).status_code == 200
    without_port = {**headers, "Host": "localhost"}  # what a proxy sends that was told $host
    assert site.post("/api/predict", headers=without_port).status_code == 403


def test_no_other_page_may_read(site):
    response = site.get("/api/about", headers={"Origin": "http://evil.example"})
    assert not [name for name in response.headers if name.lower().startswith("access-control")]


def test_a_defect_is_one_line_and_its_words_are_in_no_log(site, monkeypatch, caplog):
    def fail(self: Upstream) -> None:
        raise ZeroDivisionError("PATIENT^NAME")

    monkeypatch.setattr(Upstream, "client", fail)
    with caplog.at_level(logging.DEBUG):
        response = site.post("/api/predict")
    assert (response.status_code, response.json()) == (500, {"error": "the page's server has a defect: see its log"})
    logged = [record.getMessage() for record in caplog.records if record.name == "web.guards"]
    assert len(logged) == 1
    assert logged[0].startswith("predict: ZeroDivisionError at ")
    assert "PATIENT" not in caplog.text


def test_what_is_not_there_is_one_line(site):
    response = site.get("/api/film")
    assert (response.status_code, response.json()["error"]) == (405, "GET /api/film: Method Not Allowed")
    assert site.get("/static/../app.py").status_code == 404
    assert site.get("/static/%2e%2e/app.py").status_code == 404
