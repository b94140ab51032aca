"""The door before everything else: who has no key gets no further."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import replace
from typing import Protocol

from fronts.answers import App, Receive, Scope, Send, header, in_protocol, send_answer, wrong_key
from fronts.bodies import Incoming, discard

_BEARER = re.compile(r"Bearer\s+(\S+)\s*", re.IGNORECASE)


class Keys(Protocol):
    """What knows which keys are good."""

    def opens(self, key: str) -> bool:
        """Whether a key is."""
        ...


class Door:
    """ASGI middleware: `Authorization: Bearer KEY`, or the answer for a wrong key, whose request is not kept."""

    def __init__(self, app: App, keys: Keys, largest: int, open_paths: Collection[str] = ()) -> None:
        """Args: what is behind; the keys; bytes of the largest body; paths that need no key."""
        self._app = app
        self._keys = keys
        self._largest = largest
        self._open = frozenset(open_paths)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] == "http" and scope["path"] not in self._open and not self._may_enter(scope):
            read = await discard(scope, Incoming(receive), self._largest)
            answer = in_protocol(replace(wrong_key(), close=not read), scope["path"])
            await send_answer(send, answer, without_body=scope["method"] == "HEAD")
            return
        await self._app(scope, receive, send)

    def _may_enter(self, scope: Scope) -> bool:
        given = _BEARER.fullmatch(header(scope, "authorization") or "")
        return given is not None and self._keys.opens(given[1])
