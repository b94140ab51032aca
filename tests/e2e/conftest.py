"""What end-to-end tests share beyond tests/conftest.py, which starts their server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
import requests

from launcher.server import Server
from tests.e2e.user import User


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here is marked e2e, so that `pytest -m "not e2e"` is the quick suite."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


class Post(Protocol):
    """post(path, **arguments of requests.post) -> response; the server's token is added."""

    def __call__(self, path: str, headers: dict[str, str] | None = None, **arguments: Any) -> requests.Response: ...


@pytest.fixture
def post(server: Server) -> Post:
    """Bare HTTP to the server, as any other client would send it."""

    def send(path: str, headers: dict[str, str] | None = None, **arguments: Any) -> requests.Response:
        token = {"Authorization": f"Bearer {server.token.read()}"}
        return requests.post(server.url + path, headers={**token, **(headers or {})}, timeout=120, **arguments)

    return send


@pytest.fixture
def user(tmp_path: Path) -> Iterator[User]:
    """A user whose commands end with the test."""
    somebody = User(tmp_path)
    yield somebody
    somebody.leave()
