"""A whole run: begin or take up, score what is missing, say what changed, sum up."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from model_src.errors import CoroNetError, OutputError, RunError
from scoring.backend import Backend, WorkerOrder
from scoring.begin import begin, opened
from scoring.listing import Changes, compare
from scoring.manifest import read_films
from scoring.options import ScoreOptions
from scoring.part import DAMAGED, PartCounts, read_counts
from scoring.progress import Progress
from scoring.reading import FilmReader
from scoring.run_folder import RunFolder, RunRecord
from scoring.summary import write_summary


@dataclass(frozen=True)
class Outcome:
    """What a run has come to.

    Attributes:
        films: of the whole run, with those of other shares.
        scored: of this share, whose parts are there.
        complete: whether no part is missing, of any share.
        changes: of the source since the run began; None: nobody looked.
    """

    films: int
    scored: PartCounts
    complete: bool
    changes: Changes | None


def score(folder: RunFolder, options: ScoreOptions, backend: Backend, stream: TextIO = sys.stderr) -> Outcome:
    """Score all films of a run whose parts are missing; what is done stays, whatever happens.

    Args:
        folder: of the run; it may be new.
        options: what is asked for.
        backend: what runs the workers.
        stream: for progress.

    Raises:
        CoroNetError: the run cannot begin or go on; the message says how many films are done.
    """

    def say(line: str) -> None:
        stream.write(f"{line}\n")
        stream.flush()

    folder.prepare()
    with _held(folder, options):
        record, before = _begun(folder, options, say)
        changes = _changes(folder, record, options, say) if before else None
        scored = _score_missing(folder, record, options, backend, stream)
        if options.share is None:
            folder.remove_leftovers()  # of workers that died on the way
        if options.share is None and options.check_source and (found := _changes(folder, record, options, None)):
            changes = found
        complete = not folder.missing(record)
        if complete:
            try:
                write_summary(folder, record, changes)
            except DAMAGED:
                raise RunError(f"{folder.parts}: a part is damaged; --verify tells which") from None
    return Outcome(record.films, scored, complete, changes)


def _held(folder: RunFolder, options: ScoreOptions) -> AbstractContextManager[None]:
    share = options.share
    return folder.alone() if share is None else folder.one_of(share.index, share.count)


def _begun(folder: RunFolder, options: ScoreOptions, say: Callable[[str], None]) -> tuple[RunRecord, bool]:
    if options.share is None:
        folder.remove_leftovers()
        return begin(folder, options, say)
    with folder.beginning():
        return begin(folder, options, say)


def _changes(
    folder: RunFolder, record: RunRecord, options: ScoreOptions, say: Callable[[str], None] | None
) -> Changes | None:
    """What has changed in the sources, said where somebody listens."""
    if options.share is not None or not options.check_source:
        return None
    sources = opened(record.sources, options)
    found = compare(sources, lambda: read_films(folder.manifest), FilmReader(options.access))
    for line in found.lines() if say is not None else ():
        if say is not None:
            say(line)
    return found


def _score_missing(
    folder: RunFolder, record: RunRecord, options: ScoreOptions, backend: Backend, stream: TextIO
) -> PartCounts:
    mine = [n for n in range(len(record.shards)) if options.share is None or options.share.takes(n)]
    missing = sorted(set(folder.missing(record)) & set(mine))
    films = sum(record.films_in(shard) for shard in mine)
    progress = Progress(films, _done_before(folder, record, set(mine) - set(missing)), stream)
    if not missing:
        return progress.parts
    order = WorkerOrder(folder.path.absolute(), options.access, options.accept_removed)
    stay = "what is done stays: run the same command again to go on"
    try:
        backend.run(order, missing, progress)
    except OSError as error:
        raise OutputError(
            f"--out {folder.path}: {error.strerror or error}; {progress.parts.films:,} of {films:,} films are done; "
            f"mend it, {stay}"
        ) from None
    except CoroNetError as error:
        raise type(error)(f"{error} ({progress.parts.films:,} of {films:,} films are done; {stay})") from None
    finally:
        progress.close()
    return progress.parts


def _done_before(folder: RunFolder, record: RunRecord, shards: set[int]) -> PartCounts:
    counts = PartCounts()
    for shard in sorted(shards):
        try:
            counts += read_counts(folder.part(record, shard))
        except DAMAGED:
            raise _damaged(folder.part(record, shard)) from None
    return counts


def _damaged(part: Path) -> RunError:
    return RunError(f"{part}: damaged; delete it and run again: it is made anew")
