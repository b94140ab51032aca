"""A socket to listen on, for the servers that are Python programs of this kit."""

from __future__ import annotations

import socket

from model_src.errors import ServerError


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens on an address of this machine.

    Its connections send at once (TCP_NODELAY). Else the kernel holds a body back until the caller has acknowledged the
    headers, for which it takes 40 ms. asyncio sets it on its own sockets alone.

    Raises:
        ServerError: the port is in use, or the machine has no such address.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=128)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except OSError as error:
        raise ServerError(
            f"cannot listen on {host}, port {port} ({error.strerror or error}): stop what runs there, or choose "
            "another port with --port"
        ) from None
