"""The films of all sources in one order, with what identifies each; and what has changed since."""

from __future__ import annotations

import time
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

import numpy as np

from scoring.film import Film
from scoring.manifest import address_hash
from scoring.reading import FilmReader, stat_identity
from scoring.sources.source import Source

Identify = Literal["content", "stat"]
IDENTIFY: tuple[Identify, ...] = ("content", "stat")
_READERS = 8  # threads: they wait for disks and networks
_AHEAD = 64
_TELL_EVERY = 30.0  # seconds
EXAMPLES = 3


def identified(
    sources: Iterable[Source], reader: FilmReader, identify: Identify, found: Callable[[int], None] = lambda films: None
) -> Iterator[Film]:
    """Every film of the sources with its `identity`, in order.

    Args:
        sources: read one after the other.
        reader: of films, for "content".
        identify: "content": SHA-256 of each file, which reads all of them once; "stat": size and time of change.
            Films of a PACS are known by their UID either way.
        found: told how many there are so far, every half minute.
    """
    films = (film for source in sources for film in source.films())
    listed, told = 0, time.monotonic()
    with ThreadPoolExecutor(_READERS) as pool:
        running: deque[Future[Film]] = deque()
        try:
            while True:
                for film in islice(films, _AHEAD - len(running)):
                    running.append(pool.submit(_identify, film, reader, identify))
                if not running:
                    return
                yield running.popleft().result()
                listed += 1
                if time.monotonic() - told > _TELL_EVERY:
                    told = time.monotonic()
                    found(listed)
        finally:
            for each in running:
                each.cancel()


def _identify(film: Film, reader: FilmReader, identify: Identify) -> Film:
    if film.identity is not None:
        return film
    if identify == "stat" or film.size is None:
        return replace(film, identity=stat_identity(film))
    digest = reader.sha256(film)
    return replace(film, identity=digest and f"sha256:{digest}")


@dataclass
class Changes:
    """How a source differs from the manifest: counts, and some addresses of each kind."""

    counts: dict[str, int] = field(default_factory=lambda: {"added": 0, "removed": 0, "exchanged": 0})
    examples: dict[str, list[str]] = field(default_factory=lambda: {"added": [], "removed": [], "exchanged": []})

    def add(self, kind: str, address: str) -> None:
        """One more film of that kind."""
        self.counts[kind] += 1
        if len(self.examples[kind]) < EXAMPLES:
            self.examples[kind].append(address)

    def __bool__(self) -> bool:
        return any(self.counts.values())

    def lines(self) -> list[str]:
        """One for each kind that there is."""
        meaning = {
            "added": "not scored: score them into a folder of their own",
            "removed": "those that were not read before are errors in the parts",
            "exchanged": "those that were not read before are errors in the parts",
        }
        return [
            f"{count:,} films were {kind} in the source since the run began ({meaning[kind]}): "
            f"{', '.join(self.examples[kind])}{', ...' if count > len(self.examples[kind]) else ''}"
            for kind, count in self.counts.items()
            if count
        ]


def compare(sources: Sequence[Source], manifest: Callable[[], Iterable[Film]], reader: FilmReader) -> Changes:
    """What the sources hold now beside what the manifest says. Two passes over each; 16 bytes of memory a film.

    Only films whose size or time of change differ are read again.
    """
    before, now = _hashes(manifest()), _hashes(film for source in sources for film in source.films())
    changes = Changes()
    gone = _missing(before[0], now[0])
    new = _missing(now[0], before[0])
    other = _missing(before[1], now[1])
    if not (gone or new or other):
        return changes
    for film in manifest():
        name = address_hash(film.address)
        if name in gone:
            changes.add("removed", film.address)
        elif _state_hash(film) in other and _is_exchanged(film, reader):
            changes.add("exchanged", film.address)
    for film in (film for source in sources for film in source.films()) if new else ():
        if address_hash(film.address) in new:
            changes.add("added", film.address)
    return changes


def _is_exchanged(film: Film, reader: FilmReader) -> bool:
    identity = film.identity or ""
    if identity.startswith("sha256:"):
        return f"sha256:{reader.sha256(film)}" != identity
    return True


def _state_hash(film: Film) -> int:
    return address_hash(f"{film.size} {film.modified} {film.offset} {film.address}")


def _hashes(films: Iterable[Film]) -> tuple[np.ndarray, np.ndarray]:
    """uint64 of each film's address, and of its address and state."""
    names, states = array("Q"), array("Q")
    for film in films:
        names.append(address_hash(film.address))
        states.append(_state_hash(film))
    return np.asarray(names, np.uint64), np.asarray(states, np.uint64)


def _missing(these: np.ndarray, there: np.ndarray) -> set[int]:
    """Those of `these` that are not `there`."""
    return set(np.setdiff1d(these, there).tolist())
