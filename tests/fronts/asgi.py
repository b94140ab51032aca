"""An ASGI application asked without a server."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from fronts.answers import App


@dataclass
class Response:
    """What an application sent."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def type(self) -> str:
        """The type of an error."""
        return str(json.loads(self.body)["type"])


class Sender:
    """A caller that sends a body in parts, then stays; `leaves`: it goes instead of sending the last part."""

    def __init__(self, *parts: bytes, leaves: bool = False, silent: bool = False) -> None:
        self.parts = list(parts) or [b""]
        self.read = 0  # parts
        self._leaves = leaves
        self._silent = silent

    async def receive(self) -> dict[str, Any]:
        if self.read < len(self.parts):
            self.read += 1
            more = self.read < len(self.parts) or self._leaves or self._silent
            return {"type": "http.request", "body": self.parts[self.read - 1], "more_body": more}
        if self._leaves:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()
        raise AssertionError


def scope(path: str = "/", method: str = "POST", **headers: str) -> dict[str, Any]:
    """A request's head; `_` in a header's name stands for `-`."""
    return {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
    }


async def ask(app: App, head: dict[str, Any], sender: Sender | None = None) -> Response:
    """The application's response."""
    response = Response()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            response.status = message["status"]
            response.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            response.body += message["body"]

    await app(head, (sender or Sender()).receive, send)
    return response
