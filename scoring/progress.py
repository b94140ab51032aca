"""How far a run is: films, rate, time left, errors so far; one line, written over on a terminal."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from scoring.part import PartCounts
from scoring.tasks import PartDone

_WINDOW = 60.0  # seconds that the rate is of
_ON_TERMINAL, _IN_LOG = 1.0, 30.0  # seconds between lines


class Progress:
    """A `scoring.backend.Report` that writes lines.

    Args:
        films: of the whole run, or of this share of it.
        before: what earlier runs have done of them.
        stream: where to.
        clock: seconds.
    """

    def __init__(
        self, films: int, before: PartCounts, stream: TextIO, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._films = films
        self.parts = before  # films whose parts are on the disk
        self._running: dict[int, PartCounts] = {}
        self._stream = stream
        self._clock = clock
        self._terminal = stream.isatty()
        self._last = clock()
        self._history: deque[tuple[float, int]] = deque([(clock(), before.films)])

    def films(self, shard: int, counts: PartCounts) -> None:
        """As in `Report`."""
        self._running[shard] = self._running.get(shard, PartCounts()) + counts

    def again(self, shard: int) -> None:
        """As in `Report`."""
        self._running.pop(shard, None)

    def part(self, done: PartDone) -> None:
        """As in `Report`."""
        self._running.pop(done.shard, None)
        self.parts += done.counts

    def tick(self) -> None:
        """Write a line when one is due."""
        now = self._clock()
        if now - self._last < (_ON_TERMINAL if self._terminal else _IN_LOG):
            return
        self._last = now
        self._stream.write(f"\r{self.line()}\x1b[K" if self._terminal else f"{self.line()}\n")
        self._stream.flush()

    def close(self) -> None:
        """Leave the line that is written over."""
        if self._terminal:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def line(self) -> str:
        """As it is now: `12,000 of 100,000 films (12%), 142.1 films/s, 10 min left, 3 errors so far`."""
        so_far = sum(self._running.values(), self.parts)
        now = self._clock()
        self._history.append((now, so_far.films))
        while len(self._history) > 2 and now - self._history[0][0] > _WINDOW:
            self._history.popleft()
        then, films = self._history[0]
        rate = (so_far.films - films) / (now - then) if now > then else 0.0
        left = f", {duration((self._films - so_far.films) / rate)} left" if rate > 0 else ""
        percent = 100 * so_far.films / self._films if self._films else 100
        return (
            f"{so_far.films:,} of {self._films:,} films ({percent:.0f}%), {rate:,.1f} films/s{left}, "
            f"{so_far.errors:,} errors so far"
        )


def duration(seconds: float) -> str:
    """A time in words: 45 s, 10 min, 7.5 h, 12 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} days"
