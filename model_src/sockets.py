"""A socket to listen on, for the servers that are Python programs of this kit."""

from __future__ import annotations

import socket

from model_src.errors import ServerError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address of this machine.

    Raises:
        ServerError: the port is in use, or the machine has no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ServerError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}): stop what runs there, or choose "
            "another port with --port"
        ) from None
