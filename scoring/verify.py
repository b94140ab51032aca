"""Whether a folder holds every film of its run once, by counting: the proof needs no model and no films."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field

from model_src.errors import RunError
from model_src.file_digest import file_digest
from scoring.manifest import read_shard, shard_digest
from scoring.part import DAMAGED, PartCounts, every_column, read_columns, read_counts, read_settings
from scoring.run_folder import RunFolder, RunRecord


@dataclass
class Verified:
    """What was found.

    Attributes:
        films: of the manifest.
        parts: that are there and whole.
        counts: answers and errors in them.
        kinds: of errors.
        missing: shards without a part.
    """

    films: int
    parts: int = 0
    counts: PartCounts = PartCounts()  # noqa: RUF009 (frozen)
    kinds: Counter[str] = field(default_factory=Counter)
    missing: list[int] = field(default_factory=list)

    def line(self) -> str:
        """In one line."""
        kinds = "".join(f", {count:,} {kind}" for kind, count in sorted(self.kinds.items()))
        return (
            f"{self.films:,} films in {self.parts:,} parts: {self.counts.answered:,} answers, "
            f"{self.counts.errors:,} errors{f' ({kinds[2:]})' if kinds else ''}; none twice, none missing"
        )


def verify(folder: RunFolder) -> Verified:
    """Compare every part with the manifest, row by row, and every page of it with its checksum.

    Raises:
        RunError: something is not as it must be; the first of it is named.
    """
    record = folder.record()
    if record is None:
        raise RunError(f"{folder.path}: holds no run.json, so no run of coronet score")
    for path, recorded in ((folder.manifest, record.manifest), (folder.model, record.model)):
        if not path.exists() or file_digest(path) != recorded:
            raise RunError(f"{path}: missing, or not the file that run.json names; begin again in a new folder")
    found = Verified(record.films)
    _no_others(folder, record)
    first = 0
    for shard in range(len(record.shards)):
        films_of = read_shard(folder.manifest, shard)
        if shard_digest(films_of) != record.shards[shard]:
            raise RunError(f"{folder.manifest}: shard {shard} is not the one of run.json; begin again in a new folder")
        if folder.part(record, shard).exists():
            _verify_part(folder, record, shard, [film.address for film in films_of], first, found)
        else:
            found.missing.append(shard)
        first += len(films_of)
    if first != record.films:
        raise RunError(f"{folder.manifest}: holds {first:,} films, run.json says {record.films:,}")
    if found.missing:
        films = sum(record.films_in(shard) for shard in found.missing)
        raise RunError(
            f"{folder.path}: {len(found.missing):,} of {len(record.shards):,} parts are missing, with {films:,} films; "
            "run the same command again without --verify"
        )
    return found


def _verify_part(
    folder: RunFolder, record: RunRecord, shard: int, addresses: list[str], first: int, found: Verified
) -> None:
    path = folder.part(record, shard)
    try:
        counts = read_counts(path)
        settings = read_settings(path)
        table = read_columns(path, ["row", "film", "error"])
        for _ in every_column(path):
            pass
    except DAMAGED as error:
        raise RunError(
            f"{path}: damaged ({type(error).__name__}); delete it and run again without --verify: it is made anew"
        ) from None
    if settings != record.settings.digest(record.model):
        raise RunError(f"{path}: of another model or other settings; delete it and run again without --verify")
    films, rows = table["film"].to_pylist(), table["row"].to_pylist()
    if films != addresses or rows != list(range(first, first + len(addresses))):
        raise RunError(f"{path}: its rows are not the films of shard {shard}; delete it and run again without --verify")
    kinds = Counter(kind for kind in table["error"].to_pylist() if kind is not None)
    if counts != PartCounts(len(films) - kinds.total(), kinds.total()):
        raise RunError(f"{path}: says {counts.errors} errors and holds {kinds.total()}; delete it and run again")
    found.parts += 1
    found.counts += counts
    found.kinds += kinds


def _no_others(folder: RunFolder, record: RunRecord) -> None:
    names = {record.part_name(shard) for shard in range(len(record.shards))}
    there = {each.name for each in os.scandir(folder.parts)} if folder.parts.is_dir() else set()
    if others := sorted(name for name in there - names if not name.startswith(".")):
        raise RunError(f"{folder.parts / others[0]}: no part of this run; take it away: its films would count twice")
