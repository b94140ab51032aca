"""What runs workers: processes of this machine, or Ray. All score the same shards with the same function."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from scoring.part import PartCounts
from scoring.sources.pacs import PacsAccess
from scoring.tasks import PartDone

if TYPE_CHECKING:
    from scoring.worker import Worker


@dataclass(frozen=True)
class WorkerOrder:
    """All that a worker is made from, wherever it runs."""

    folder: Path  # of the run
    access: PacsAccess = PacsAccess()  # noqa: RUF009 (frozen)
    accept_removed: bool = False

    def open(self) -> Worker:
        """A worker in this process; raises as `Worker`."""
        from scoring.worker import Worker  # torch, for which whoever gives the order has no use

        return Worker(self.folder, self.access, self.accept_removed)


class Report(Protocol):
    """Told by a backend how far it is."""

    def films(self, shard: int, counts: PartCounts) -> None:
        """Some more films of a shard are scored; they count only while nobody says that the shard begins again."""

    def again(self, shard: int) -> None:
        """The shard begins again: whoever had it died."""

    def part(self, done: PartDone) -> None:
        """A part is on the disk."""

    def tick(self) -> None:
        """Time has passed."""


class Backend(Protocol):
    """A way to run workers."""

    def run(self, order: WorkerOrder, shards: Sequence[int], report: Report) -> None:
        """Score the shards, in any order; on return every part is there.

        Raises:
            CoroNetError, OSError: what a worker could not go on after; everything that it had begun is stopped.
        """
