"""The door before TorchServe, with a server behind it that says what it was asked."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from client.http import CoroNetClient
from client.size_check import refuses
from client.tokens import TokenSource
from fronts.keys import KeyRing
from fronts.torchserve_door import torchserve_door
from model_src.sockets import listen

KEY = "right-0123456789abcdef"
LARGEST = 1_000_000
HEADERS = {"Authorization": f"Bearer {KEY}"}


class Behind(BaseHTTPRequestHandler):
    """Answers with what it was asked; /drop ends without an answer, /chunked answers in parts."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/drop":
            self.close_connection = True
            return
        told = {"method": self.command, "path": self.path, "headers": dict(self.headers), "bytes": len(body)}
        sent = json.dumps(told).encode()
        self.send_response(307 if self.path.startswith("/elsewhere") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Location", "/there")
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for part in (sent[:10], sent[10:]):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(sent)

    do_GET = do_POST = do_OPTIONS = do_HEAD = answer

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, format: str, *args: object) -> None:
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """An HTTP server at a path."""

    daemon_threads = True


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("door")
    (folder / "keys").write_text(KEY)
    listening = listen("127.0.0.1", 0)
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    with UnixServer(str(folder / "s"), Behind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with torchserve_door(listening, str(folder / "s"), KeyRing(folder / "keys", 0), LARGEST):
            yield address
        server.shutdown()


def test_a_request_goes_through_as_it_is_but_for_its_key(url):
    more = {**HEADERS, "Content-Type": "image/png", "Content-Encoding": "gzip", "Accept": "image/png", "X-A": "b"}
    response = requests.post(f"{url}/predictions/a%2Fb?x=1%20", data=b"x" * 100_000, headers=more, timeout=10)
    told = response.json()
    assert (told["method"], told["path"], told["bytes"]) == ("POST", "/predictions/a%2Fb?x=1%20", 100_000)
    headers = {name.lower(): value for name, value in told["headers"].items()}
    assert "authorization" not in headers
    assert (headers["content-type"], headers["content-encoding"], headers["accept"], headers["x-a"]) == (
        "image/png",
        "gzip",
        "image/png",
        "b",
    )
    assert headers["content-length"] == "100000"


def test_an_answer_goes_back_as_it_is(url):
    response = requests.post(f"{url}/elsewhere", headers=HEADERS, allow_redirects=False, timeout=10)
    assert (response.status_code, response.headers["Location"]) == (307, "/there")
    assert requests.get(f"{url}/chunked", headers=HEADERS, timeout=10).json()["path"] == "/chunked"
    assert requests.head(f"{url}/x", headers=HEADERS, timeout=10).content == b""
    assert requests.options(f"{url}/", headers=HEADERS, timeout=10).json()["method"] == "OPTIONS"


def test_a_body_in_chunks_arrives_with_its_length(url):
    told = requests.post(f"{url}/x", headers=HEADERS, data=iter([b"ab", b"cd"]), timeout=10).json()
    assert told["bytes"] == 4


def test_who_has_no_key_stays_outside(url):
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        response = requests.post(f"{url}/x", headers=headers, data=b"x" * 500_000, timeout=10)
        assert (response.status_code, response.json()["type"]) == (400, "InvalidKeyException")


def test_what_is_too_large_is_refused_before_it_is_sent(url):
    assert refuses(url, "/predictions/coronet", LARGEST + 1, HEADERS)
    assert not refuses(url, "/predictions/coronet", LARGEST, HEADERS)


def test_a_server_that_is_away_or_breaks_off_is_said(url, tmp_path):
    response = requests.post(f"{url}/drop", headers=HEADERS, timeout=10)
    assert (response.status_code, response.json()["type"]) == (503, "ServiceUnavailableException")
    (tmp_path / "keys").write_text(KEY)
    listening = listen("127.0.0.1", 0)
    with torchserve_door(listening, str(tmp_path / "none"), KeyRing(tmp_path / "keys", 0), LARGEST):
        away = f"http://127.0.0.1:{listening.getsockname()[1]}/x"
        assert requests.post(away, headers=HEADERS, data=b"x", timeout=10).status_code == 503


def test_our_client_reads_its_key_from_a_file_of_several_lines(tmp_path):
    keys: Path = tmp_path / "keys"
    keys.write_text(f"{KEY}\nsecond-0123456789abcdef\n")
    assert TokenSource(file=keys).read() == KEY
    assert CoroNetClient("http://127.0.0.1:1", TokenSource(file=keys)).url
