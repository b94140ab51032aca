"""Asking a server whether it takes a request of so many bytes, before these are sent (`Expect: 100-continue`).

A server that finds a request too large answers 413 and may close the connection while the rest of it is on its way;
the caller then sees a broken connection, not the response. Asked first, it says so at once.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from urllib.parse import urlsplit

# What config.properties takes; a larger request is worth asking for.
USUAL_LIMIT = 33_554_432
# A request that broke off and is larger than this may have been too large for a proxy.
SUSPICIOUS = 1_000_000
_TIMEOUT = 3.0  # seconds: a server that does not know the header waits for the body


def refuses(url: str, path: str, size: int, headers: dict[str, str]) -> bool:
    """True when the server answers 413 to a request of `size` bytes; False when it does not, or says nothing."""
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    lines = [f"POST {parts.path.rstrip('/')}{path} HTTP/1.1", f"Host: {parts.netloc.rpartition('@')[2]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines += [f"Content-Length: {size}", "Expect: 100-continue", "Connection: close", "", ""]
    with contextlib.suppress(OSError, UnicodeError):  # the latter for an address that no machine can have
        port = parts.port or (443 if tls else 80)
        connection: socket.socket = socket.create_connection((str(parts.hostname), port), _TIMEOUT)
        with contextlib.closing(connection):
            if tls:
                connection = ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
            connection.sendall("\r\n".join(lines).encode("latin-1"))
            return connection.recv(16).split(b" ")[1:2] == [b"413"]
    return False
