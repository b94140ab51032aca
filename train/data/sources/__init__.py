"""Sources of data: one file each, with `matches(path)` and `read(path, roots)`, and one row here.

The first row that matches reads the data. Collections that can be told by their files come before the general forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from train.data.examples import Collection
from train.data.sources import class_folders, covidx, kermany, nih, rsna, table, vindr


class Source(Protocol):
    """What a file of this folder has."""

    def matches(self, path: Path) -> bool:
        """Whether `path`, a folder or file that exists, is data of this source."""

    def read(self, path: Path, roots: Sequence[Path]) -> Collection:
        """All examples. `roots`: more folders in which listed images are looked up, before the source's own.

        Raises:
            DataError: a line or file that cannot be understood.
        """


SOURCES: tuple[Source, ...] = (nih, rsna, vindr, covidx, table, kermany, class_folders)
