"""Given keys before TorchServe, which makes its own and forgets the old one when it makes a new one.

TorchServe listens on a unix socket in a directory of its user's alone and asks for no key. Whoever has a good one is
let through to it by this process: `coronet serve` itself.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import h11

from fronts.answers import Answer, Receive, Scope, Send, refusal, send_answer, too_large
from fronts.bodies import Bodies, Incoming, discard
from fronts.door import Door
from fronts.keys import KeyRing, keep_fresh
from fronts.listening import serve_in_thread

_IN_MEMORY = 1_000_000_000  # bytes of all bodies at a time, on their way to TorchServe's own queue
_CHUNK = 1 << 16
# Of one connection, not of the request; and the key, which is checked.
_OWN = {
    *("authorization", "connection", "content-length", "expect", "host", "keep-alive", "proxy-authorization"),
    *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
}


@contextmanager
def torchserve_door(listening: socket.socket, upstream: str, keys: KeyRing, largest: int) -> Iterator[None]:
    """Let requests through inside the context.

    Args:
        listening: where requests come.
        upstream: path of TorchServe's unix socket.
        keys: read again every second.
        largest: bytes of a request.
    """
    app = Door(Forward(upstream, largest), keys, largest)
    with serve_in_thread([(app, listening)], keep_fresh(keys)):
        yield


class Forward:
    """An ASGI application: what is asked here, asked at a unix socket, and its answer."""

    def __init__(self, upstream: str, largest: int) -> None:
        """Args: path of the socket; bytes of a request."""
        self._upstream = upstream
        self._largest = largest
        self._bodies = Bodies(largest, _IN_MEMORY)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            return
        incoming = Incoming(receive)
        try:
            async with self._bodies.body(scope, incoming) as body:
                answer = await self._ask(scope, body)
        except Answer as refused:
            answer = refused
            if refused.status == 413:
                answer = replace(too_large(self._largest), body=b"")  # as TorchServe has it
            elif refused.status != 408:
                answer = replace(refused, close=refused.close or not await discard(scope, incoming, self._largest))
        await send_answer(send, answer, without_body=scope["method"] == "HEAD")

    async def _ask(self, scope: Scope, body: bytes) -> Answer:
        try:
            reader, writer = await asyncio.open_unix_connection(self._upstream)
        except OSError:
            raise refusal(503, "ServiceUnavailableException", "the server is starting: ask again in a while") from None
        try:
            return await _exchange(reader, writer, _request(scope, body), body)
        except (OSError, h11.RemoteProtocolError):
            raise refusal(503, "ServiceUnavailableException", "the server has ended: ask again in a while") from None
        finally:
            writer.close()


def _request(scope: Scope, body: bytes) -> h11.Request:
    target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
    headers = [(name, value) for name, value in scope["headers"] if name.decode("latin-1") not in _OWN]
    headers += [(b"host", b"localhost"), (b"connection", b"close")]
    if body or scope["method"] not in ("GET", "HEAD", "OPTIONS"):
        headers.append((b"content-length", str(len(body)).encode()))
    return h11.Request(method=scope["method"], target=target, headers=headers)


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: h11.Request, body: bytes
) -> Answer:
    """One request and its response, over a connection that is used for nothing else."""
    connection = h11.Connection(h11.CLIENT)
    writer.write(connection.send(request) or b"")
    if body:
        writer.write(connection.send(h11.Data(data=body)) or b"")
    writer.write(connection.send(h11.EndOfMessage()) or b"")
    await writer.drain()
    head: h11.Response | None = None
    content: list[bytes] = []
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_CHUNK))
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            content.append(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage | h11.ConnectionClosed):
            break
    if head is None:
        raise h11.RemoteProtocolError("no response")
    named = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in head.headers]
    others = tuple((name, value) for name, value in named if name not in {*_OWN, "content-type"})
    return Answer(head.status_code, b"".join(content), dict(named).get("content-type", ""), others)
