"""manifest.parquet: every film of a run, one row each, cut into shards; a shard is a row group."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from model_src.atomic import atomic_write
from model_src.errors import DataError, RunError
from scoring.film import Film

MANIFEST_NAME = "manifest.parquet"
_SCHEMA = pa.schema(
    [
        ("address", pa.string()),
        ("size", pa.int64()),
        ("modified", pa.int64()),
        ("identity", pa.string()),
        ("tar", pa.string()),
        ("offset", pa.int64()),
    ]
)


@dataclass(frozen=True)
class ManifestFacts:
    """What was written.

    Attributes:
        films: how many rows.
        shards: a digest of each shard: SHA-256 of its rows' addresses, sizes and identities.
    """

    films: int
    shards: list[str]


def write_manifest(films: Iterable[Film], path: Path, shard_films: int) -> ManifestFacts:
    """Write the films in their order, `shard_films` to a shard; the file appears whole or not at all.

    Memory is that of one shard, and 8 bytes for each film.

    Raises:
        DataError: there are none, or one comes twice.
        OSError: the disk is full, among others.
    """
    hashes, digests = array("Q"), []
    waiting = iter(films)
    with atomic_write(path, durable=True) as temporary:
        with temporary.open("wb") as file, pq.ParquetWriter(file, _SCHEMA, compression="zstd") as writer:
            while shard := list(islice(waiting, shard_films)):
                hashes.extend(address_hash(film.address) for film in shard)
                digests.append(shard_digest(shard))
                columns = {field.name: [getattr(film, field.name) for film in shard] for field in fields(Film)}
                writer.write_table(pa.table(columns, _SCHEMA), row_group_size=shard_films)
        if not digests:
            raise DataError("found no film in the sources, need PNG, JPEG, WebP, TIFF or DICOM files")
        _check_once(hashes, temporary)
    return ManifestFacts(len(hashes), digests)


def read_shard(path: Path, shard: int) -> list[Film]:
    """The films of shard number `shard`.

    Raises:
        RunError: the manifest is gone or damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            table = file.read_row_group(shard)
    except (OSError, pa.ArrowException, IndexError) as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}); begin again in a new folder") from None
    return [Film(**row) for row in table.to_pylist()]


def read_films(path: Path) -> Iterator[Film]:
    """All films, in order, with the memory of one shard. Raises RunError."""
    try:
        with pq.ParquetFile(path) as file:
            shards = file.num_row_groups
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{path}: cannot be read ({type(error).__name__}); begin again in a new folder") from None
    for shard in range(shards):
        yield from read_shard(path, shard)


def shard_digest(films: Sequence[Film]) -> str:
    """SHA-256 of what identifies the films of a shard, in their order; hexadecimal."""
    digest = hashlib.sha256()
    for film in films:
        digest.update(json.dumps([film.address, film.size, film.identity]).encode() + b"\n")
    return digest.hexdigest()


def address_hash(address: str) -> int:
    """64 bits for an address: among 10^7 films, two share theirs with a chance of one in 300,000."""
    return int.from_bytes(hashlib.blake2b(address.encode(), digest_size=8).digest(), "little")


def _check_once(hashes: Sequence[int], path: Path) -> None:
    values, counts = np.unique(np.asarray(hashes, np.uint64), return_counts=True)
    suspects = set(values[counts > 1].tolist())
    seen: set[str] = set()
    if not suspects:
        return
    for film in read_films(path):
        if film.address in seen:
            raise DataError(
                f"{film.address}: found twice in the sources, need each film once; "
                "name a folder or what is in it, and a film once in a list"
            )
        if address_hash(film.address) in suspects:
            seen.add(film.address)
