"""The socket, and what is not in any log."""

from __future__ import annotations

import logging
import socket

import pytest

from model_src.errors import ServerError
from model_src.sockets import listen


def test_a_port_in_use_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=rf"cannot listen on 127\.0\.0\.1, port {port} .*--port"):
            listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_said():
    with pytest.raises(ServerError, match=r"cannot listen on 192\.0\.2\.1"):  # for documentation, never a machine's
        listen("192.0.2.1", 8090)


def test_no_request_is_logged(site, caplog, capfd):
    with caplog.at_level(logging.DEBUG, logger="uvicorn"):
        site.post("/api/predict", headers={"X-File-Name": "SECRET.dcm"})
        site.post("/api/film?SECRET", b"no SECRET film")
        with socket.create_connection(("127.0.0.1", site.port), 10) as broken:
            broken.sendall(b"SECRET\r\n\r\n")
            assert broken.recv(12) == b"HTTP/1.1 400"
    assert "SECRET" not in caplog.text
    assert "SECRET" not in "".join(capfd.readouterr())
