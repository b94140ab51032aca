"""Fixtures of this room: the page's server as it runs, on a free port, before a stand-in for TorchServe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from model_src.sockets import listen
from tests.fixtures.fake_server import FakeServer, fake_server  # noqa: F401 (fixture)
from web.app import Web, make_app
from web.server import serving
from web.upstream import Upstream


@dataclass(frozen=True)
class Site:
    """A running server of the page."""

    url: str
    port: int
    web: Web
    stop: Callable[[], None]

    def post(self, path: str, body: Any = b"film", **arguments: Any) -> requests.Response:
        """A POST to one of its addresses."""
        return requests.post(self.url + path, data=body, timeout=10, **arguments)

    def get(self, path: str, **arguments: Any) -> requests.Response:
        """A GET of one of its addresses."""
        return requests.get(self.url + path, timeout=10, **arguments)


StartSite = Callable[[Web], Site]


@pytest.fixture
def start_site() -> Iterator[StartSite]:
    """Starts servers of the page, which are down again after the test."""
    with ExitStack() as stack:

        def start(web: Web) -> Site:
            socket = listen("127.0.0.1", 0)
            port = socket.getsockname()[1]
            running = stack.enter_context(ExitStack())
            running.enter_context(serving(make_app(web, {"127.0.0.1", "localhost", "::1"}), socket))
            return Site(f"http://127.0.0.1:{port}", port, web, running.close)

        yield start


@pytest.fixture
def site(start_site: StartSite, fake_server: FakeServer) -> Site:  # noqa: F811 (a fixture is named like its import)
    """The page's server before `fake_server`."""
    return start_site(Web(Upstream(fake_server.url, token="secret"), ("saliency",)))
