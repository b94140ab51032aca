"""Questions to the server behind. An explanation whose browser goes away is ended there too."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from starlette.requests import Request

from model_src.errors import Overloaded, ServerError
from model_src.time_limits import EXPLAIN_PATIENCE, PREDICT_PATIENCE
from web.answers import TooLong
from web.lanes import BrowserGone, Lane
from web.upstream import Upstream


def predict(upstream: Upstream, image: bytes, name: str) -> dict[str, Any]:
    """The server's prediction; raises what CoroNetClient raises, and TooLong."""
    started = time.monotonic()
    try:
        return upstream.client().predict(image, name)
    except Overloaded as error:
        raise _late(error, started, PREDICT_PATIENCE) from None


def explain(upstream: Upstream, image: bytes, name: str, options: Mapping[str, str], request_id: str) -> dict[str, Any]:
    """The server's explanation; raises what CoroNetClient raises, and TooLong."""
    started = time.monotonic()
    try:
        return upstream.client(EXPLAIN_PATIENCE).explain(image, name, request_id=request_id, **options)
    except Overloaded as error:
        raise _late(error, started, EXPLAIN_PATIENCE) from None


def _late(error: Overloaded, started: float, patience: float) -> Overloaded | TooLong:
    """What a server that is busy (at once) and one that did not answer (at the end) are to the page."""
    if time.monotonic() - started < patience:
        return error
    return TooLong(f"no answer within {patience:g} s: the server is busy; ask for fewer steps, or another method")


class Explanations:
    """Asks for explanations, each by a name by which it can be ended."""

    def __init__(self, upstream: Upstream, lane: Lane) -> None:
        """Args: the server; where explanations are waited for."""
        self._upstream = upstream
        self._lane = lane

    async def ask(self, request: Request, image: bytes, name: str, options: Mapping[str, str]) -> dict[str, Any]:
        """The explanation.

        Raises:
            BrowserGone: and the server is told. Whatever `explain` raises.
        """
        request_id = uuid4().hex
        try:
            return await self._lane.run_while_read(
                request, lambda: explain(self._upstream, image, name, options, request_id)
            )
        except (BrowserGone, asyncio.CancelledError):  # the latter when this server stops
            # No daemon: this process ends when it has been said. A lane's threads need a loop that goes on.
            threading.Thread(target=self._abandon, args=(request_id,), name="web-abandon").start()
            raise

    def _abandon(self, request_id: str) -> None:
        with suppress(ServerError):  # it has gone too
            self._upstream.client().abandon(request_id)
