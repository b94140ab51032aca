"""The socket of our own servers."""

from __future__ import annotations

import socket

import pytest

from model_src.errors import ServerError
from model_src.sockets import listen


def test_connections_do_not_hold_back_what_is_sent() -> None:
    with listen("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        connection, _ = listening.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_in_use_is_one_clear_line() -> None:
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(ServerError, match=rf"cannot listen on 127.0.0.1, port {port} .*choose another") as told:
            listen("127.0.0.1", port)
    assert "\n" not in str(told.value)
