"""uvicorn around the page's server: one socket, in a thread, without a log of who asked what."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

_STOP = 2.0  # seconds for requests in progress; explanations among them are ended at the server behind
_SHORT_HEADERS = 32_768  # bytes of a request's line and headers


@contextmanager
def serving(app: ASGIApp, listening: socket.socket) -> Iterator[threading.Thread]:
    """Answer requests in a thread inside the context.

    Raises:
        ServerError: it did not start.
    """
    for name in ("uvicorn.access", "uvicorn.error"):  # addresses, and errors that quote what they choked on
        logging.getLogger(name).disabled = True
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="asyncio",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        h11_max_incomplete_event_size=_SHORT_HEADERS,
        timeout_graceful_shutdown=int(_STOP),
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="web", daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(_STOP + 5)
