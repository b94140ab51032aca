"""Explanations whose caller stops waiting."""

from __future__ import annotations

import json
import threading

import pytest

from client.http import CoroNetClient
from model_src.errors import Overloaded


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
