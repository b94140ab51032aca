"""Bodies of requests, read into memory under limits: on each body, on all of them together, and on silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import ClientDisconnect, Request

from client.size_check import USUAL_LIMIT
from model_src.errors import ImageTooLarge, InvalidRequest, Overloaded, RequestError

LARGEST_FILM = USUAL_LIMIT  # bytes: what the server behind takes
LARGEST_REPORT = 100_000_000
LARGEST_VERDICT = 4_000
IN_MEMORY = 600_000_000  # bytes of all bodies at a time
SILENCE = 30.0  # seconds without a byte until an upload counts as given up


class UploadStalled(RequestError):
    """The browser stopped sending in the middle of a body."""

    status = 408


class Uploads:
    """The bodies that are in memory now."""

    def __init__(self, in_memory: int = IN_MEMORY, silence: float = SILENCE) -> None:
        self._room = in_memory
        self._silence = silence

    @asynccontextmanager
    async def body(self, request: Request, largest: int, what: str) -> AsyncIterator[bytes]:
        """The body of a request; its room is taken until the context ends.

        Args:
            largest: bytes.
            what: the thing sent, for messages: "film".

        Raises:
            ImageTooLarge: more than `largest`, by its declared length or as it comes; the rest is not kept.
            InvalidRequest: nothing was sent.
            Overloaded: other bodies fill the memory.
            UploadStalled: nothing came for some time.
        """
        declared = request.headers.get("content-length", "")
        # Longer numbers are too large for anything, whatever they say.
        size = int(declared[:15]) if declared.isdecimal() else largest
        if size > largest:
            raise _too_large(f"{size / 1e6:.0f} MB", what, largest)
        if size > self._room:
            raise Overloaded("too many files are being sent at a time: try again in a moment")
        self._room -= size
        try:
            content = await self._read(request, largest, what)
            if not content:
                raise InvalidRequest(f"found an empty request, need the {what} as its body")
            yield content
        finally:
            self._room += size

    async def _read(self, request: Request, largest: int, what: str) -> bytes:
        content = bytearray()
        chunks = request.stream()
        while True:
            try:
                chunk = await asyncio.wait_for(anext(chunks), self._silence)
            except StopAsyncIteration:
                return bytes(content)
            except asyncio.TimeoutError:
                raise UploadStalled(f"nothing came for {self._silence:g} s: send the {what} again") from None
            except ClientDisconnect:
                raise UploadStalled(f"the connection broke off: send the {what} again") from None
            content += chunk
            if len(content) > largest:
                raise _too_large(f"more than {largest / 1e6:.0f} MB", what, largest)


def _too_large(found: str, what: str, largest: int) -> ImageTooLarge:
    return ImageTooLarge(f"found {found}, need a {what} of at most {largest / 1e6:.0f} MB")
