"""Runs in this process, and what stands in their parts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from scoring.backend import Report, WorkerOrder
from scoring.options import ScoreOptions
from scoring.part import PartCounts
from scoring.run import Outcome, score
from scoring.run_folder import RunFolder
from scoring.tasks import Listener, PartDone, Task


class Here:
    """A backend without processes, for this test's own process."""

    def run(self, order: WorkerOrder, shards: Sequence[int], report: Report) -> None:
        """As `Backend.run`."""

        class Passed(Listener):
            def films(self, shard: int, counts: PartCounts) -> None:
                report.films(shard, counts)

            def part(self, done: PartDone) -> None:
                report.part(done)

        order.open().score([Task(shard) for shard in shards], Passed())


def score_here(folder: RunFolder, options: ScoreOptions) -> tuple[Outcome, str]:
    """A run in this process, and what it wrote to the terminal."""
    stream = io.StringIO()
    return score(folder, options, Here(), stream), stream.getvalue()


def rows(folder: RunFolder) -> list[dict[str, Any]]:
    """All rows of all parts, in order of their names."""
    return [row for path in sorted(folder.parts.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def contents(folder: RunFolder) -> dict[str, bytes]:
    """Every file of a finished run by its name, locks aside."""
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in sorted(folder.path.rglob("*"))
        if path.is_file() and "lock" not in path.name
    }


def zip_artefacts(folder: Path, path: Path) -> Path:
    """An ARTEFACT_DIR as what `coronet score` needs of a .mar."""
    with zipfile.ZipFile(path, "w") as packed:
        for file in sorted(folder.iterdir()):
            packed.write(file, file.name)
        packed.writestr("MAR-INF/MANIFEST.json", '{"model": {"modelVersion": "7.0"}}')
    return path
