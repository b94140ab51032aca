"""Load on a server: so many clients, each asking again as soon as it has its answer."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import requests

from model_src.errors import CoroNetError

Ask = Callable[[], object]  # one request, answered when it returns; raises what a client of CoroNet raises


@dataclass(frozen=True)
class Load:
    """What `clients` got in `seconds`; waits are of the answered requests, sorted, in seconds."""

    clients: int
    seconds: float
    waits: list[float]
    failures: list[str]

    @property
    def per_second(self) -> float:
        """Answered requests per second."""
        return len(self.waits) / self.seconds

    def percentile(self, percent: float) -> float:
        """The wait that `percent` of the answered requests did not exceed (nearest rank); NaN without any."""
        if not self.waits:
            return math.nan
        return self.waits[max(0, math.ceil(percent / 100 * len(self.waits)) - 1)]

    def as_json(self) -> dict[str, float | None]:
        """Counts, rate and percentiles, without the single waits."""
        percentiles = {f"p{percent}": self.percentile(percent) if self.waits else None for percent in (50, 95, 99)}
        return percentiles | {
            "clients": self.clients,
            "seconds": self.seconds,
            "answered": len(self.waits),
            "failed": len(self.failures),
            "per_second": self.per_second,
        }


def drive(connect: Callable[[], Ask], clients: int, seconds: float) -> Load:
    """Ask for `seconds`, then wait for the answers that are due; these count, and so does the time they took.

    Args:
        connect: makes each client's own way to ask, such as a session with a connection of its own.
        clients: how many ask at the same time.
        seconds: how long a client goes on to ask.
    """
    waits: list[float] = []
    failures: list[str] = []

    def client(ask: Ask) -> None:
        while (asked := time.perf_counter()) - begun < seconds:
            try:
                ask()
            except (CoroNetError, requests.RequestException) as error:
                failures.append(f"{type(error).__name__}: {error}")
                time.sleep(0.1)  # a server that is gone refuses thousands of times a second
            else:
                waits.append(time.perf_counter() - asked)

    # Daemons: an interrupted command does not wait for their answers.
    threads = [threading.Thread(target=client, args=(connect(),), daemon=True) for _ in range(clients)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(clients, time.perf_counter() - begun, sorted(waits), failures)
