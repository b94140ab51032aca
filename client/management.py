"""One request to TorchServe's management interface, over a port or over a unix socket.

A socket (`unix:/tmp/coronet-x/management.sock`) lies in a directory that its user alone can enter. A port of this
machine can be reached by every program on it, and by web pages through a browser, with only the token in the way.
"""

from __future__ import annotations

import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection

_UNIX = "unix:"


def ask_management(
    address: str, method: str, path: str, auth: requests.auth.AuthBase | None, params: dict[str, str], timeout: float
) -> requests.Response:
    """The response to one request, of any status.

    Args:
        address: http://host:port, or unix: and the path of a socket.
        method, path, params: the request.
        auth: sends the key.
        timeout: seconds.

    Raises:
        requests.RequestException: nobody answers there.
    """
    with requests.Session() as session:
        session.trust_env = False  # no proxy on the way to this machine
        url = address
        if address.startswith(_UNIX):
            url = "http://localhost"
            session.mount(url, _SocketAdapter(address.removeprefix(_UNIX)))
        return session.request(method, url + path, params=params, auth=auth, timeout=timeout)


class _SocketAdapter(HTTPAdapter):
    """Sends every request to one unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self._pool = _SocketPool(path)

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def close(self) -> None:
        self._pool.close()
        super().close()


class _SocketPool(HTTPConnectionPool):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def _new_conn(self) -> HTTPConnection:
        return _SocketConnection(self._path)


class _SocketConnection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
        self.sock.connect(self._path)
