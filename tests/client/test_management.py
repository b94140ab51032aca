"""Management requests over a port and over a unix socket."""

from __future__ import annotations

import json
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import requests

from client.keys import BearerToken
from client.management import ask_management


class Handler(BaseHTTPRequestHandler):
    """Answers with what it was asked."""

    def do_GET(self) -> None:
        said = {"path": self.path, "token": self.headers["Authorization"], "host": self.headers["Host"]}
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"  # a unix socket's peer has no address

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def socket_path() -> Iterator[str]:
    """A unix socket at which a server answers; in /tmp, because its path may have 107 bytes."""
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        socketserver.UnixStreamServer(f"{folder}/management.sock", Handler) as server,
    ):
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"{folder}/management.sock"
        finally:
            server.shutdown()
            thread.join()


def test_a_request_over_a_socket(socket_path):
    key = BearerToken("secret")
    response = ask_management(f"unix:{socket_path}", "GET", "/models/coronet", key, {"customized": "true"}, 5.0)
    assert response.status_code == 200
    assert response.json() == {
        "path": "/models/coronet?customized=true",
        "token": "Bearer secret",
        "host": "localhost",
    }


def test_a_request_over_a_port(fake_server):
    fake_server.answers = [(200, b"{}")]
    assert ask_management(fake_server.url, "GET", "/models", BearerToken("secret"), {}, 5.0).ok
    assert fake_server.requests[0].headers["authorization"] == "Bearer secret"


def test_a_socket_that_is_not_there_is_an_error_of_requests(tmp_path: Path):
    with pytest.raises(requests.RequestException):
        ask_management(f"unix:{tmp_path}/none", "GET", "/models", None, {}, 5.0)
