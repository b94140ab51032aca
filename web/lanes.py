"""Work in threads, one lane for each kind: so many at once, so many more may wait, further ones are refused at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from starlette.requests import Request

from model_src.errors import Overloaded

Result = TypeVar("Result")


class BrowserGone(Exception):
    """Nobody reads the response any more."""


class Lane:
    """Threads with an end to their queue. They are daemons: a server that does not answer must not keep us from ending.

    All of its methods are called in one event loop.
    """

    def __init__(self, name: str, at_once: int, waiting: int) -> None:
        """Args: name of the work in plural, for messages; threads; how many may wait beside them."""
        self.name = name
        self._most = at_once + waiting
        self._free = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[object]] = set()

    def __len__(self) -> int:
        """How many are worked on or wait."""
        return len(self._tasks)

    async def run(self, work: Callable[[], Result]) -> Result:
        """The result of `work`, which takes its place until it is done, whether or not somebody still waits for it.

        Raises:
            Overloaded: the lane is full. Whatever `work` raises.
        """
        return await asyncio.shield(self._begin(work))

    async def run_while_read(self, request: Request, work: Callable[[], Result]) -> Result:
        """The same, unless the browser goes away first: what waits for a thread is then left out, what runs goes on.

        Args:
            request: its body has been read.

        Raises:
            BrowserGone: it did. Overloaded, and whatever `work` raises.
        """
        gone = threading.Event()

        def unless_gone() -> Result:
            if gone.is_set():
                raise BrowserGone
            return work()

        working = self._begin(unless_gone)
        leaving = asyncio.ensure_future(_disconnect(request))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                raise BrowserGone
            return working.result()
        finally:
            gone.set()
            leaving.cancel()

    def _begin(self, work: Callable[[], Result]) -> asyncio.Task[Result]:
        if len(self) >= self._most:
            raise Overloaded(f"{len(self)} {self.name} are being worked on already: try again in a moment")
        task = asyncio.create_task(self._in_turn(work))
        self._tasks.add(task)
        task.add_done_callback(self._leave)
        return task

    async def _in_turn(self, work: Callable[[], Result]) -> Result:
        async with self._free:
            return await _in_thread(work, f"web-{self.name}")

    def _leave(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # seen, though nobody may have waited for it


async def _in_thread(work: Callable[[], Result], name: str) -> Result:
    """What `work` returns or raises in a thread of its own."""
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: Exception | None) -> None:
        if outcome.done():  # cancelled: this server stops
            return
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]

    def run() -> None:
        result, failed = None, None
        try:
            result = work()
        except Exception as error:
            failed = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await outcome


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
