"""Servers that are away, starting, stopping, silent, or behind a proxy."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from client import http
from client.http import CoroNetClient
from client.tokens import TokenSource
from model_src.errors import Overloaded, ServerError


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "RETRY_WAITS", (0.01, 0.01))


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


def test_proxy_settings_do_not_catch_requests_to_this_machine(fake_server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert CoroNetClient(fake_server.url, "secret").predict(b"x")["label"] == "COVID-19"
