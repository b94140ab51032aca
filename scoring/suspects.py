"""Which film it was that a process died of. One that kills two readers is put down as an error, and the rest go on."""

from __future__ import annotations

from collections import Counter

from scoring.tasks import Task

_MOST = 2  # deaths of one film


class Suspects:
    """What is known of shards whose workers died."""

    def __init__(self) -> None:
        self._careful: set[int] = set()
        self._deaths: Counter[tuple[int, int]] = Counter()
        self._lost: dict[int, set[int]] = {}

    def task(self, shard: int) -> Task:
        """How to score the shard now."""
        return Task(shard, frozenset(self._lost.get(shard, ())), shard in self._careful)

    def died(self, task: Task, row: int | None) -> None:
        """Whoever had the task died.

        Args:
            task: what it was scoring.
            row: the film that it had announced, if the task was a careful one.
        """
        self._careful.add(task.shard)
        if not task.careful or row is None:
            return
        self._deaths[task.shard, row] += 1
        if self._deaths[task.shard, row] >= _MOST:
            self._lost.setdefault(task.shard, set()).add(row)
