"""A request that is too large is refused before it is sent, and named when it broke off on the way."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from client import size_check
from client.http import CoroNetClient
from launcher.torchserve_config import read_properties
from model_src.errors import ImageTooLarge, ServerError

TOO_LARGE = b"HTTP/1.1 413 Request Entity Too Large\r\ncontent-length: 0\r\n\r\n"


@contextmanager
def server_that_says(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """A server that answers to a request's head and closes; what it was sent."""
    heads: list[bytes] = []

    def talk() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection:
                    heads.append(connection.recv(2000))
                    connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=talk, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", heads
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answer", "refused"), [(TOO_LARGE, True), (b"HTTP/1.1 100 Continue\r\n\r\n", False), (b"", False)]
)
def test_the_server_is_asked_with_the_head_alone(answer, refused):
    with server_that_says(answer) as (url, heads):
        assert size_check.refuses(url, "/predictions/coronet", 36_000_000, {"Authorization": "Bearer t"}) == refused
    (head,) = heads
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /predictions/coronet HTTP/1.1"
    assert {"Expect: 100-continue", "Content-Length: 36000000", "Authorization: Bearer t"} < set(lines)
    assert head.endswith(b"\r\n\r\n")


def test_nobody_there_refuses_nothing():
    assert not size_check.refuses("http://127.0.0.1:1", "/", 36_000_000, {})


@pytest.fixture
def ask(monkeypatch) -> Callable[[str], object]:
    monkeypatch.setattr(size_check, "USUAL_LIMIT", 1000)
    return lambda url: CoroNetClient(url, "secret").predict(bytes(1001))


def test_a_large_image_is_not_sent_where_it_is_refused(ask):
    with server_that_says(TOO_LARGE) as (url, heads), pytest.raises(ImageTooLarge, match="the request has 1001 bytes"):
        ask(url)
    assert len(heads) == 1
    assert b"Expect" in heads[0]


def test_a_server_that_takes_more_gets_it(ask, fake_server, monkeypatch):
    monkeypatch.setattr(size_check, "_TIMEOUT", 0.2)
    ask(fake_server.url)
    # on a busy machine the probe may be answered after it
    assert bytes(1001) in [request.body for request in fake_server.requests]


@pytest.mark.parametrize(("says", "raised"), [(TOO_LARGE, ImageTooLarge), (b"", ServerError)])
def test_a_request_that_broke_off_is_told_apart(monkeypatch, says, raised):
    monkeypatch.setattr(size_check, "SUSPICIOUS", 0)
    monkeypatch.setattr(size_check, "refuses", lambda *_: says == TOO_LARGE)
    with server_that_says(b"") as (url, _), pytest.raises(raised):
        CoroNetClient(url, "secret").predict(bytes(1001))


def test_the_usual_limit_is_the_configurations():
    properties = read_properties(Path(__file__).parents[2] / "config.properties")
    assert int(properties["max_request_size"]) == size_check.USUAL_LIMIT


@pytest.mark.parametrize("host", ["a" * 64, "a..b"])
def test_an_address_that_no_machine_can_have_refuses_nothing(host):
    assert not size_check.refuses(f"http://{host}:8080", "/", 36_000_000, {})
