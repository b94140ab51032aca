"""Bodies of requests, read into memory under limits: on each body, on all of them together, and on silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fronts.answers import Answer, Message, Receive, Scope, header, refusal, too_large

SILENCE = 30.0  # seconds without a byte until a body counts as given up


class Incoming:
    """What a request sends, and whether all of it has come: then waiting for more would be waiting for its end."""

    def __init__(self, receive: Receive) -> None:
        """Args: ASGI's."""
        self.ended = False
        self._receive = receive

    async def __call__(self) -> Message:
        """The next message."""
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self.ended = True
        return message


class Bodies:
    """The bodies that are in memory now."""

    def __init__(self, largest: int, in_memory: int, silence: float = SILENCE) -> None:
        """Args: bytes of one body, bytes of all of them, seconds."""
        self._largest = largest
        self._room = in_memory
        self._silence = silence

    @asynccontextmanager
    async def body(self, scope: Scope, receive: Receive) -> AsyncIterator[bytes]:
        """The whole body of a request; its room is taken until the context ends.

        A body that says to be too large is refused before a byte of it is read, so that a caller who asks first
        (`Expect: 100-continue`) sends nothing.

        Raises:
            Answer: too large (413), memory full (503), silence or an end in the middle of it (408).
        """
        declared = header(scope, "content-length")
        size = int(declared[:15]) if declared and declared.isdecimal() else 0
        if size > self._largest:
            raise too_large(self._largest)
        taken = self._largest if header(scope, "transfer-encoding") else size
        if taken > self._room:
            raise refusal(503, "ServiceUnavailableException", "Too much is being sent at a time: ask again in a while.")
        self._room -= taken
        try:
            yield await self._read(receive)
        finally:
            self._room += taken

    async def _read(self, receive: Receive) -> bytes:
        parts: list[bytes] = []
        length = 0
        while True:
            try:
                message = await asyncio.wait_for(receive(), self._silence)
            except asyncio.TimeoutError:
                raise _given_up(f"nothing came for {self._silence:g} s") from None
            if message["type"] == "http.disconnect":
                raise _given_up("the connection broke off")
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            if length > self._largest:
                raise too_large(self._largest)
            if not message.get("more_body", False):
                return b"".join(parts)


async def discard(scope: Scope, receive: Incoming, most: int, silence: float = SILENCE) -> bool:
    """Read a body that nobody wants, so that its sender gets to read the answer; False where it was not read whole.

    One that asks first (`Expect: 100-continue`), says to be of more than `most` bytes, or sends them, is left.
    """
    if receive.ended:
        return True
    declared = header(scope, "content-length") or "0"
    if header(scope, "expect") or not declared.isdecimal() or int(declared[:15]) > most:
        return False
    length = 0
    while length <= most:
        try:
            message = await asyncio.wait_for(receive(), silence)
        except asyncio.TimeoutError:
            return False
        if message["type"] == "http.disconnect":
            return False
        length += len(message.get("body", b""))
        if not message.get("more_body", False):
            return True
    return False


def _given_up(why: str) -> Answer:
    return refusal(408, "RequestTimeout", f"the request was not sent whole: {why}. Send it again.", close=True)
