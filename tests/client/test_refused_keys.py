"""Keys that are wrong, expired, renewed, or no keys at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from client.http import CoroNetClient
from client.tokens import TokenSource
from model_src.errors import ServerError


def test_a_wrong_token_is_told_from_a_bad_image(fake_server):
    with pytest.raises(ServerError, match="refused the token given"):
        CoroNetClient(fake_server.url, "guess").predict(b"x")


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


@pytest.mark.parametrize("token", ["se\ncret", "s\u00e9cret", "secret\r"])
def test_a_token_that_cannot_be_sent_is_not_quoted(fake_server, token):
    with pytest.raises(ServerError, match="characters that no token has") as caught:
        CoroNetClient(fake_server.url, token).predict(b"x")
    assert "cret" not in str(caught.value)
    assert fake_server.requests == []
