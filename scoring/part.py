"""A part: the rows of one shard as Parquet, the same bytes whoever writes them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from model_src.atomic import atomic_write
from model_src.classes import RESEARCH_USE
from scoring.columns import COLUMNS, SCHEMA, ScoredFilm

# All that a writer may decide is decided here: another version of pyarrow than that of the run is refused.
_FORMAT = {
    "version": "2.6",
    "compression": "zstd",
    "compression_level": 3,
    "data_page_version": "1.0",
    "write_statistics": True,
    "write_page_checksum": True,
    "store_schema": True,
}
# What reading a damaged part may raise. An OSError among them may be the disk's, which is no better.
DAMAGED = (OSError, pa.ArrowException, KeyError, ValueError)
_ANSWERED, _ERRORS, _RUN = "coronet.answered", "coronet.errors", "coronet.settings"


@dataclass(frozen=True)
class PartCounts:
    """How many films of a part have an answer, and how many an error."""

    answered: int = 0
    errors: int = 0

    def __add__(self, other: PartCounts) -> PartCounts:
        return PartCounts(self.answered + other.answered, self.errors + other.errors)

    @property
    def films(self) -> int:
        """Both."""
        return self.answered + self.errors


def part_bytes(rows: Sequence[ScoredFilm], settings: str) -> bytes:
    """Rows in their order as one Parquet file, without a time or a name of a machine.

    Args:
        rows: of one shard.
        settings: digest of model and settings, which goes into the file.
    """
    counts = count(rows)
    schema = SCHEMA.with_metadata(
        {
            _ANSWERED: str(counts.answered),
            _ERRORS: str(counts.errors),
            _RUN: settings,
            "coronet.research_use": RESEARCH_USE,
        }
    )
    table = pa.table({column.name: [column.value(row) for row in rows] for column in COLUMNS}, schema)
    buffer = BytesIO()
    pq.write_table(table, buffer, row_group_size=len(rows), **_FORMAT)
    return buffer.getvalue()


def write_part(path: Path, content: bytes) -> None:
    """Put a part under its name, whole or not at all, on the disk before it has the name. Raises OSError."""
    with atomic_write(path, durable=True) as temporary:
        temporary.write_bytes(content)


def count(rows: Sequence[ScoredFilm]) -> PartCounts:
    """Answers and errors among the rows."""
    errors = sum(row.error is not None for row in rows)
    return PartCounts(len(rows) - errors, errors)


def read_counts(path: Path) -> PartCounts:
    """What a part says of itself; nothing else is read. Of a damaged one raises OSError, ArrowException or KeyError."""
    found = pq.read_schema(path).metadata
    return PartCounts(int(found[_ANSWERED.encode()]), int(found[_ERRORS.encode()]))


def read_settings(path: Path) -> str:
    """The digest of model and settings that a part was made with; raises as `read_counts`."""
    return str(pq.read_schema(path).metadata[_RUN.encode()].decode())


def read_columns(path: Path, names: Sequence[str]) -> pa.Table:
    """Some columns of a part, its pages' checksums compared; raises as `read_counts`."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read(columns=list(names))


def every_column(path: Path) -> Iterator[pa.Table]:
    """A part column by column, so that all its bytes are checked with the memory of one; raises as `read_counts`."""
    for column in COLUMNS:
        yield read_columns(path, [column.name])
