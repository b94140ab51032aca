"""Predictions asked for without a pause by several clients, each answer compared with the one that is known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from client.http import CoroNetClient
from model_src.errors import RequestError, ServerError


class Outcome(NamedTuple):
    """One request: when it began and ended (time.monotonic), and how: "right", "wrong", or the error in words."""

    begun: float
    ended: float
    how: str


class Traffic:
    """Runs inside `with`; `known` maps each image to its answer, and images have different answers.

    Afterwards, and meanwhile, `outcomes` has what came of every request. A client that fails once goes on; one that
    dies of an error that no client should meet fails the test at the end.
    """

    def __init__(self, connect: Callable[[], CoroNetClient], known: Mapping[bytes, dict[str, Any]], clients: int):
        self.outcomes: list[Outcome] = []
        self._connect = connect
        self._known = list(known.items())
        self._stop = threading.Event()
        self._clients = clients
        self._pool = ThreadPoolExecutor(clients)
        self._running: list[Future[None]] = []

    def __enter__(self) -> Traffic:
        self._running = [self._pool.submit(self._ask, number) for number in range(self._clients)]
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()
        for client in self._running:
            client.result()

    def count(self, how: str) -> int:
        """How many requests ended so."""
        return sum(outcome.how == how for outcome in self.outcomes)

    def failures(self) -> list[str]:
        """How the requests ended that have no right answer."""
        return [outcome.how for outcome in self.outcomes if outcome.how != "right"]

    def _ask(self, number: int) -> None:
        client = self._connect()
        while not self._stop.is_set():
            image, answer = self._known[number % len(self._known)]
            number += 1
            begun = time.monotonic()
            try:
                how = "right" if client.predict(image) == answer else "wrong"
            except (RequestError, ServerError) as error:
                how = f"{type(error).__name__}: {error}"
            self.outcomes.append(Outcome(begun, time.monotonic(), how))
