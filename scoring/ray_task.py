"""What runs in a process of a Ray cluster: one shard after the other, with a model that is loaded once."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from model_src.errors import CoroNetError
from model_src.private_log import shorten_warnings
from scoring.backend import WorkerOrder
from scoring.part import PartCounts
from scoring.tasks import Listener, PartDone, Task, announcement
from scoring.worker import Worker


def score_shard(order: WorkerOrder, task: Task) -> PartCounts | CoroNetError | OSError:
    """Score a shard; its counts, or why the run has to stop."""
    done = _Done(announcement(order.folder, task.shard))
    try:
        _worker(order).score([task], done)
    except (CoroNetError, OSError) as error:
        return error
    finally:
        done.place.unlink(missing_ok=True)
    return done.counts


class _Done(Listener):
    def __init__(self, place: Path) -> None:
        self.place = place
        self.counts = PartCounts()

    def reading(self, task: Task, row: int) -> None:
        self.place.write_text(str(row))

    def part(self, done: PartDone) -> None:
        self.counts = done.counts


@lru_cache(maxsize=1)
def _worker(order: WorkerOrder) -> Worker:
    shorten_warnings()
    return order.open()
