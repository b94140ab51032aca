"""Work in threads: how much at once, and that a full lane says so."""

from __future__ import annotations

import asyncio
import threading
from functools import partial

import pytest

from model_src.errors import InvalidImage, Overloaded
from web.lanes import BrowserGone, Lane

ENDED = 5.0  # seconds that are long enough for a thread to end


def run(scene):
    return asyncio.run(asyncio.wait_for(scene, 4 * ENDED))


async def until(holds):
    while not holds():  # `run` ends a scene that takes too long
        await asyncio.sleep(0.01)


class Reader:
    """A request whose browser leaves when told."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def receive(self):
        await self.left.wait()
        return {"type": "http.disconnect"}


def test_results_and_errors_come_back():
    def fail():
        raise InvalidImage("no image")

    async def scene():
        lane = Lane("films", 1, 1)
        assert await lane.run(lambda: threading.current_thread().name) == "web-films"
        with pytest.raises(InvalidImage, match="no image"):
            await lane.run(fail)
        assert len(lane) == 0

    run(scene())


def test_one_works_one_waits_and_the_third_is_refused():
    release = threading.Event()

    async def scene():
        lane = Lane("films", at_once=1, waiting=1)
        begun: list[int] = []

        def work(number: int) -> None:
            begun.append(number)
            release.wait(ENDED)

        tasks = [asyncio.create_task(lane.run(partial(work, number))) for number in (1, 2)]
        await until(lambda: begun == [1])
        with pytest.raises(Overloaded, match="2 films are being worked on"):
            await lane.run(lambda: None)
        release.set()
        await asyncio.gather(*tasks)
        assert begun == [1, 2]
        assert await lane.run(lambda: 3) == 3

    run(scene())


def test_work_that_nobody_waits_for_keeps_its_place_until_it_is_done():
    release = threading.Event()

    async def scene():
        lane, reader = Lane("predictions", at_once=1, waiting=0), Reader()
        reader.left.set()
        with pytest.raises(BrowserGone):
            await lane.run_while_read(reader, lambda: release.wait(ENDED))
        assert len(lane) == 1
        release.set()
        await until(lambda: len(lane) == 0)

    run(scene())


def test_what_waits_is_left_out_when_its_browser_goes():
    release = threading.Event()
    begun: list[str] = []

    async def scene():
        lane, reader = Lane("explanations", at_once=1, waiting=1), Reader()
        first = asyncio.create_task(lane.run(lambda: release.wait(ENDED)))
        second = asyncio.create_task(lane.run_while_read(reader, lambda: begun.append("second")))
        await until(lambda: len(lane) == 2)
        reader.left.set()
        with pytest.raises(BrowserGone):
            await second
        release.set()
        await first
        await until(lambda: len(lane) == 0)

    run(scene())
    assert begun == []
