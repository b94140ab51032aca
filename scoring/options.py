"""What a user asks `coronet score` for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from scoring.listing import Identify
from scoring.settings import Explain
from scoring.sources.pacs import PacsAccess

# What a run begins with where nothing is said.
SHARD_FILMS = 2000
GPU_BATCH = 32


@dataclass(frozen=True)
class Share:
    """One of several runs over the same folder: shards whose number leaves `index` when divided by `count`."""

    index: int
    count: int

    def takes(self, shard: int) -> bool:
        """Whether the shard is of this share."""
        return shard % self.count == self.index


@dataclass(frozen=True)
class ScoreOptions:
    """All of it, but for the folder and what runs the workers.

    None stands for what is usual, and where a run goes on, for what it was begun with.

    Attributes:
        sources: as on the command line.
        model: coronet.mar.
        identify: how films are known again.
        shard_films: films in a shard.
        device, threads, batch: as in `ScoreSettings`.
        explain: which films are explained, and how.
        access: of a PACS.
        accept_removed: whether all films of a shard may be gone.
        check_source: whether the source is compared with the manifest, when a run goes on and when it is done.
        share: of several runs.
    """

    sources: list[str]
    model: Path | None
    identify: Identify | None = None
    shard_films: int | None = None
    device: Literal["cpu", "cuda"] | None = None
    threads: int | None = None
    batch: int | None = None
    explain: Explain | None = None
    access: PacsAccess = field(default_factory=PacsAccess)
    accept_removed: bool = False
    check_source: bool = True
    share: Share | None = None
