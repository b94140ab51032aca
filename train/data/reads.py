"""Radiologists' reads of films whose labels were mined from reports: `--reads FILE`.

A table with the columns `path` and `radiologist_read` (or `read`). Reads correct labels Healthy and Pneumonia: "Lung
Opacity" makes a film Pneumonia, "Normal" Healthy, and one read as neither ("No Lung Opacity / Not Normal") is left out.
COVID-19 is a laboratory's finding, and no read changes it. Training never touches films of a test split.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from model_src.classes import CLASS_NAMES, COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError
from train.data.examples import Example
from train.data.metadata import name_below
from train.data.sources.text import has_columns, read_rows

_COLUMNS = ("radiologist_read", "read")
_WORDS: dict[str, int | None] = {
    "normal": HEALTHY, "healthy": HEALTHY, "no finding": HEALTHY,
    "lung opacity": PNEUMONIA, "opacity": PNEUMONIA, "pneumonia": PNEUMONIA,
    "no lung opacity / not normal": None, "not normal": None, "abnormal": None, "neither": None, "other": None,
}  # fmt: skip


@dataclass(frozen=True)
class Reads:
    """What radiologists said, and where from."""

    name: str  # of the file
    sha256: str
    said: dict[str, int | None]  # path as in the table -> class, None for neither


@dataclass(frozen=True)
class Corrected:
    """What reads did to some films.

    Attributes:
        file, sha256: of the reads.
        changed: "Pneumonia to Healthy" -> films.
        left_out: class of the label -> films that were read as neither class.
        confirmed: films whose label was read as it is.
        covid_kept: COVID-19 films that have a read, which does not count.
    """

    file: str
    sha256: str
    changed: dict[str, int]
    left_out: dict[str, int]
    confirmed: int
    covid_kept: int

    @property
    def sentence(self) -> str:
        """For people."""
        changed = ", ".join(f"{count:,} {change}" for change, count in self.changed.items()) or "none"
        left_out = ", ".join(f"{count:,} {name}" for name, count in self.left_out.items()) or "none"
        kept = f"; {self.covid_kept:,} COVID-19 films have a read and keep their label" if self.covid_kept else ""
        return (
            f"reads of {self.file}: labels changed: {changed}; left out, read as neither class: {left_out}; "
            f"{self.confirmed:,} confirmed{kept}"
        )


def read_reads(file: Path) -> Reads:
    """The table. Raises DataError: it cannot be read, lacks a column, or has a word that means nothing here."""
    if not file.is_file():
        raise DataError(f"--reads {file}: no such file; give a table with the columns path and {_COLUMNS[0]}")
    column = next((name for name in _COLUMNS if has_columns(file, "path", name)), None)
    if column is None:
        raise DataError(f"--reads {file}: need a table with the columns path and {_COLUMNS[0]}; give another file")
    said: dict[str, int | None] = {}
    for number, row in read_rows(file, ("path", column)):
        word, path = row[column].lower(), row["path"].replace("\\", "/")
        if not word:
            continue
        if word not in _WORDS:
            raise DataError(
                f"--reads {file}, line {number}: found {row[column][:40]!r}, need one of {', '.join(_WORDS)}, "
                "or nothing"
            )
        if said.setdefault(path, _WORDS[word]) != _WORDS[word]:
            raise DataError(
                f"--reads {file}, line {number}: reads {path} as an earlier line does not; keep one of the two"
            )
    if not said:
        raise DataError(f"--reads {file}: no film has a read in the column {column}; give another file")
    return Reads(file.name, hashlib.sha256(file.read_bytes()).hexdigest()[:16], said)


def corrected(examples: Sequence[Example], reads: Reads, folders: Sequence[Path]) -> tuple[list[Example], Corrected]:
    """`examples` with the labels that radiologists gave them, less those read as neither class.

    Args:
        folders: that the paths of `reads` are below.

    Raises:
        DataError: the reads are of none of the films.
    """
    kept: list[Example] = []
    changed: Counter[str] = Counter()
    left_out: Counter[str] = Counter()
    confirmed = covid = 0
    for example in examples:
        name = name_below(example.path, folders, reads.said)
        if name is None:
            kept.append(example)
            continue
        label = reads.said[name]
        if example.label == COVID:
            covid += 1
            kept.append(example)
        elif label is None:
            left_out[CLASS_NAMES[example.label]] += 1
        elif label == example.label:
            confirmed += 1
            kept.append(example)
        else:
            changed[f"{CLASS_NAMES[example.label]} to {CLASS_NAMES[label]}"] += 1
            kept.append(replace(example, label=label))
    if not (changed or left_out or confirmed or covid):
        raise DataError(
            f"--reads {reads.name}: its {len(reads.said):,} reads are of none of the {len(examples):,} films; "
            "need paths as in the label file"
        )
    return kept, Corrected(reads.name, reads.sha256, dict(changed), dict(left_out), confirmed, covid)
