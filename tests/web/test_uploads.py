"""Bodies: too large, too many, empty, stalled. Each ends in one line, and nobody else's request is harmed."""

from __future__ import annotations

import json
import socket
import time

import numpy as np
import pytest

from tests.image_writers import write_picture
from web import uploads
from web.uploads import Uploads

FILM = write_picture(np.zeros((16, 16), np.uint8))


class Wire:
    """A connection that says what it is told to, byte for byte."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), 10)
        self.file = self.socket.makefile("rb")

    def send(self, *lines: str, body: bytes = b"") -> None:
        self.socket.sendall("\r\n".join(["POST /api/film HTTP/1.1", "Host: 127.0.0.1", *lines, "", ""]).encode() + body)

    def answer(self) -> tuple[int, str]:
        """Status, and the body's "error"."""
        status = int(self.file.readline().split()[1])
        length = 0
        while (line := self.file.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            length = int(value) if name == b"content-length" else length
        body = self.file.read(length)
        return status, json.loads(body)["error"] if body.startswith(b'{"error"') else ""

    def close(self) -> None:
        self.file.close()
        self.socket.close()


def test_what_is_declared_too_large_is_refused_before_it_comes(site):
    wire = Wire(site.port)
    wire.send("Content-Length: 40000000")
    assert wire.answer() == (413, "found 40 MB, need a film of at most 34 MB")
    wire.close()


@pytest.mark.parametrize("length", ["9" * 20, "9" * 400, "-5", "1e3"])
def test_a_length_that_is_none_harms_nobody(site, length):
    wire = Wire(site.port)
    wire.send(f"Content-Length: {length}")
    assert wire.answer()[0] in (400, 413)
    wire.close()
    assert site.post("/api/film", FILM).status_code == 200


def test_what_turns_out_too_large_is_refused_while_it_streams(site, monkeypatch):
    monkeypatch.setattr("web.app.LARGEST_FILM", 100_000)
    wire = Wire(site.port)
    wire.send("Transfer-Encoding: chunked")
    piece = b"4000\r\n" + bytes(0x4000) + b"\r\n"
    for _ in range(8):  # 131,072 bytes, and no end
        wire.socket.sendall(piece)
    status, error = wire.answer()
    assert status == 413
    assert error == "found more than 0 MB, need a film of at most 0 MB"
    wire.close()


def test_the_rest_of_a_refused_upload_is_let_go_so_that_a_browser_reads_the_answer(site):
    size = 50_000_000
    wire = Wire(site.port)
    wire.send(f"Content-Length: {size}")
    for _ in range(size // 1_000_000):
        wire.socket.sendall(bytes(1_000_000))
    assert wire.answer()[0] == 413
    wire.send(f"Content-Length: {len(FILM)}", body=FILM)  # on the same connection
    assert wire.answer()[0] == 200
    wire.close()


def test_nothing_sent_is_said(site):
    response = site.post("/api/film", b"")
    assert (response.status_code, response.json()["error"]) == (
        400,
        "found an empty request, need the film as its body",
    )


def test_an_upload_that_stops_is_given_up(site):
    site.web.uploads = Uploads(silence=0.1)
    wire = Wire(site.port)
    wire.send("Content-Length: 1000", body=b"half")
    assert wire.answer() == (408, "nothing came for 0.1 s: send the film again")
    wire.close()


def test_bodies_share_the_memory_there_is_and_give_it_back(site):
    site.web.uploads = Uploads(in_memory=len(FILM) + 10)
    slow = Wire(site.port)
    slow.send(f"Content-Length: {len(FILM)}", body=FILM[:10])
    deadline = time.monotonic() + 10
    while (response := site.post("/api/film", FILM)).status_code == 200 and time.monotonic() < deadline:
        pass  # the other has not been seen yet
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "2"
    slow.close()
    while (response := site.post("/api/film", FILM)).status_code == 503 and time.monotonic() < deadline:
        pass
    assert response.status_code == 200


def test_the_page_is_told_what_the_server_behind_takes(site):
    assert site.get("/api/about").json()["largest_bytes"] == uploads.LARGEST_FILM == 33_554_432
