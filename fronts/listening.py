"""uvicorn around several ASGI applications in one process, without a log of who asked what."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn

from fronts.answers import App

_SHORT_HEADERS = 32_768  # bytes of a request's line and headers


def listen_unix(path: str) -> socket.socket:
    """A socket that listens at a path, which is made."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen(128)
    return listening


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process has several servers, and ends them together."""
        yield


async def serve(apps: Sequence[tuple[App, socket.socket]], grace: int) -> None:
    """Answer requests until SIGTERM or SIGINT, then finish what is in progress, for at most `grace` seconds."""
    servers = _servers([app for app, _ in apps], grace)

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await _together(servers, [listening for _, listening in apps])


@contextmanager
def serve_in_thread(
    apps: Sequence[tuple[App, socket.socket]], beside: Coroutine[Any, Any, None], grace: int = 3
) -> Iterator[None]:
    """Answer requests in a thread inside the context, with `beside` running in the same loop."""
    servers = _servers([app for app, _ in apps], grace)

    async def run() -> None:
        other = asyncio.ensure_future(beside)
        await _together(servers, [listening for _, listening in apps])
        other.cancel()

    thread = threading.Thread(target=asyncio.run, args=(run(),), name="front", daemon=True)
    thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.should_exit = True
        thread.join(grace + 5)


async def _together(servers: Sequence[uvicorn.Server], sockets: Sequence[socket.socket]) -> None:
    await asyncio.gather(*(server.serve(sockets=[each]) for server, each in zip(servers, sockets, strict=True)))


def _servers(apps: Sequence[App], grace: int) -> list[uvicorn.Server]:
    for name in ("uvicorn.access", "uvicorn.error"):  # addresses, and errors that quote what they choked on
        logging.getLogger(name).disabled = True
    return [
        _Server(
            uvicorn.Config(
                app,
                http="h11",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=_SHORT_HEADERS,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=grace,
            )
        )
        for app in apps
    ]
