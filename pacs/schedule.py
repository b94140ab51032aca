"""Which film is next: of those that are due and in nobody's hands, the one that came first."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Mapping

from pacs.settings import Retries
from pacs.spool import Task


class Schedule:
    """The films that wait, for any number of threads. What is on the disk is the truth; this is a view of it.

    When a film is due is kept by a clock that nobody puts back.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._due: dict[str, float] = {}  # by time.monotonic()
        self._taken: set[str] = set()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, key: str, task: Task) -> None:
        """A film waits: a new one, or one whose last try is over."""
        with self._changed:
            self._keep(key, task)
            self._taken.discard(key)
            self._changed.notify()

    def put_new(self, tasks: Mapping[str, Task]) -> None:
        """Films that were found on the disk; those that are known already stay as they are."""
        with self._changed:
            for key, task in tasks.items():
                if key not in self._tasks:
                    self._keep(key, task)
            self._changed.notify_all()

    def known(self) -> set[str]:
        """The keys of all films that wait or are worked on."""
        with self._changed:
            return set(self._tasks)

    def take(self) -> tuple[str, Task] | None:
        """The next film, as soon as one is due; it is the caller's until `put` or `drop`. None after `close`."""
        with self._changed:
            while not self._closed:
                now = time.monotonic()
                free = [(task.arrived, key) for key, task in self._tasks.items() if key not in self._taken]
                due = [(arrived, key) for arrived, key in free if self._due[key] <= now]
                if due:
                    _, key = min(due)
                    self._taken.add(key)
                    return key, self._tasks[key]
                soonest = min((self._due[key] for _, key in free), default=now + 60)
                self._changed.wait(min(60.0, max(0.01, soonest - now)))
            return None

    def drop(self, key: str) -> None:
        """A film waits no longer."""
        with self._changed:
            self._tasks.pop(key, None)
            self._due.pop(key, None)
            self._taken.discard(key)

    def close(self) -> None:
        """No more films from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _keep(self, key: str, task: Task) -> None:
        self._tasks[key] = task
        self._due[key] = time.monotonic() + max(0.0, task.not_before - time.time())


def wait_after(tries: int, retries: Retries) -> float:
    """Seconds to wait after so many failed tries, at least 1: doubled each time, up to the longest, with jitter.

    Films that failed together do not come back together: each waits between half of that and all of it.
    """
    doubled = retries.first_seconds * 2.0 ** min(tries - 1, 30)
    return min(doubled, retries.longest_seconds) * random.uniform(0.5, 1.0)
