"""HTTP -> a worker's reply -> HTTP: what is asked at the inference port."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from fronts.answers import (
    Answer,
    Receive,
    Scope,
    Send,
    header,
    in_protocol,
    refusal,
    send_answer,
    unknown_model,
    unknown_path,
    wrong_method,
)
from fronts.bodies import Bodies, Incoming, discard
from fronts.ray_serve import metadata
from fronts.ray_serve.pool import Pool
from fronts.ray_serve.routes import Route, find_route
from fronts.ray_serve.tally import Tally
from fronts.worker.replica import HTTP, OIP, Call, Reply
from handlers.server_files import ServerFiles, is_request_name
from model_src.model_names import REQUEST_HEADER
from model_src.private_log import error_location

logger = logging.getLogger(__name__)

# What a worker is told of a request's headers.
_NAME = REQUEST_HEADER.lower()
_PASSED = ("content-type", "content-encoding", "content-length", "accept", _NAME)


class Gateway:
    """An ASGI application; keys are checked before it (fronts/door.py)."""

    def __init__(
        self,
        pools: Mapping[str, Pool],
        version: str,
        tally: Tally,
        bodies: Bodies,
        largest: int,
        temporary: Path,
    ) -> None:
        """Args: the pools by model; the archive's version; bytes of a request; where workers keep what they share."""
        self._pools = pools
        self._version = version
        self._tally = tally
        self._bodies = bodies
        self._largest = largest
        self._temporary = temporary

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        incoming = Incoming(receive)
        try:
            answer = await self._answer(scope, incoming)
        except Answer as refused:
            answer = refused
            if refused.status not in (408, 413):  # of those the rest stays where it is
                answer = replace(refused, close=refused.close or not await discard(scope, incoming, self._largest))
        except asyncio.CancelledError:
            raise
        except Exception as error:  # a defect; uvicorn's word for it would quote what was sent
            logger.error("a request failed: %s", error_location(error))
            answer = refusal(500, "InternalServerException", "the server failed on this request; its log says where")
        answer = in_protocol(answer, scope["path"])
        self._tally.answered(answer.status)
        with suppress(OSError):  # the caller has gone
            await send_answer(send, answer, without_body=scope["method"] == "HEAD")

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        route = find_route(scope["path"])
        if route is None:
            raise unknown_path()
        if route.model is not None:
            if route.model not in self._pools:
                raise unknown_model(route.model)
            if route.version not in (None, self._version):
                raise refusal(
                    404,
                    "ModelVersionNotFoundException",
                    f"Model version: {route.version} does not exist for model: {route.model}",
                )
        if not route.asks_model:
            if scope["method"] not in ("GET", "HEAD"):
                raise wrong_method()
            return metadata.answer(route, self._pools, self._version)
        if route.oip and scope["method"] != "POST":
            raise wrong_method()
        return await self._ask(route, self._pools[str(route.model)], scope, receive)

    async def _ask(self, route: Route, pool: Pool, scope: Scope, receive: Receive) -> Answer:
        """A worker's answer, or none where the caller has gone meanwhile."""
        pool.admit()  # before anything is read
        passed = {name: value for name in _PASSED if (value := header(scope, name)) is not None}
        if route.kind == "explain" and not is_request_name(passed.get(_NAME)):
            passed[_NAME] = uuid4().hex
        async with self._bodies.body(scope, receive) as body:
            call = Call(body, passed, route.kind == "explain", OIP if route.oip else HTTP, str(route.model))
            reply, waited = await self._while_wanted(pool, call, receive)
        model = pool.settings.model
        self._tally.take(model, reply.samples)
        self._tally.worked(model, waited + reply.seconds, waited)
        if reply.body is None:
            raise refusal(503, "InternalServerException", "Prediction failed")
        return Answer(reply.status, reply.body, reply.content_type, tuple(reply.headers.items()))

    async def _while_wanted(self, pool: Pool, call: Call, receive: Receive) -> tuple[Reply, float]:
        """The reply, unless the caller goes: then a request that waits is forgotten, an explanation ends where it is.

        Raises:
            Answer: nobody reads it.
        """
        asking = asyncio.ensure_future(pool.ask(call))
        going = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({asking, going}, return_when=asyncio.FIRST_COMPLETED)
            if asking.done():
                return asking.result()
            raise refusal(408, "RequestTimeout", "the caller has gone")
        finally:
            for task in (asking, going):
                task.cancel()
            if not asking.done() and call.explain:
                await asyncio.to_thread(self._abandon, call.headers[_NAME])

    def _abandon(self, name: str) -> None:
        """Tell the worker that explains, or is about to, that nobody waits for it (handlers/server_files.py)."""
        with suppress(OSError):
            for files in ServerFiles.found_in(self._temporary):
                files.abandon(name)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
