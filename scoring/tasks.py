"""What workers are told to do, and what they tell. No torch here: whoever runs them has no use for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scoring.part import PartCounts


@dataclass(frozen=True)
class PartDone:
    """A part that is under its name."""

    shard: int
    counts: PartCounts


@dataclass(frozen=True)
class Task:
    """A shard to score.

    Attributes:
        shard: its number.
        lost: rows of films that nobody reads any more, since who did died of it.
        careful: films are read one at a time, each announced before, so that one who dies of it is known.
    """

    shard: int
    lost: frozenset[int] = frozenset()
    careful: bool = False


class Listener:
    """Told what a worker does; from several threads. As it is, nothing comes of it."""

    def films(self, shard: int, counts: PartCounts) -> None:
        """Some more films of a shard are scored."""

    def reading(self, task: Task, row: int) -> None:
        """A film of a careful task is about to be read."""

    def part(self, done: PartDone) -> None:
        """A part is on the disk under its name."""


def announcement(folder: Path, shard: int) -> Path:
    """The file that holds the row of the film that a careful task is reading."""
    return folder / f".reading-{shard}"
