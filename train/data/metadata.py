"""metadata.csv beside a label file or in a folder of class folders: what is known of films beside their labels.

Columns `path`, and any of `split`, `class`, `source`, `patient`, `view`, `age`, `sex`. The label file goes before: what
it says stays, and what it leaves open is filled in. A path is as in the label file, below the folder or a root.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from model_src.classes import CLASS_FOLDERS, COVIDX_LABELS
from model_src.errors import DataError
from train.data.examples import Collection, Example, names_its_file
from train.data.files import SPLIT_FOLDERS
from train.data.sources.text import age_in_years, has_columns, read_rows

FILE = "metadata.csv"
COLUMNS = ("path", "split", "class", "source", "patient", "view", "age", "sex")
_DESCRIBING = ("view", "age", "sex")  # what subgroups are made of, besides the source
_LABELS = {name.lower(): label for name, label in (COVIDX_LABELS | CLASS_FOLDERS).items()}
_SPLIT_FOLDERS = {folder for names in SPLIT_FOLDERS.values() for folder in names}
_SPLITS = {folder: split for split, folders in SPLIT_FOLDERS.items() for folder in folders}

Row = dict[str, str]


def with_metadata(collection: Collection, folder: Path, roots: Sequence[Path]) -> Collection:
    """The collection with what `folder`'s metadata.csv adds, if there is one.

    Raises:
        DataError: it has no column `path`, or two rows for a path that say different things.
    """
    file = folder / FILE
    if not file.is_file():
        return collection
    rows, notes = read_metadata(file)
    silent = 0
    disagreeing = dict.fromkeys(("split", "class", "source", "patient"), 0)
    splits: dict[str, list[Example]] = {}
    for split, examples in collection.splits.items():
        splits[split] = []
        for example in examples:
            name = name_below(example.path, [*roots, folder], rows)
            if name is None:
                splits[split].append(example)
                silent += 1
                continue
            filled = _filled(example, rows[name])
            for column in _disagreeing(filled, split, rows[name]):
                disagreeing[column] += 1
            splits[split].append(filled)
    films = sum(map(len, splits.values()))
    notes += [
        f"in {file.name} the {column} of {count:,} films is another than in the label file, whose word is taken"
        for column, count in disagreeing.items()
        if count
    ]
    if silent:
        notes.append(f"of {silent:,} of {films:,} films {file.name} says nothing")
    return replace(collection, splits=splits, notes=(*collection.notes, *notes))


def filled_in(examples: Iterable[Example], folders: Sequence[Path]) -> list[Example]:
    """The examples with what is known of them: each by the first of the folders' metadata.csv that names its film.

    Raises:
        DataError: a metadata.csv has no column `path`, or two rows for a path that say different things.
    """
    tables = [(folder, read_metadata(folder / FILE)[0]) for folder in folders if (folder / FILE).is_file()]
    found = []
    for example in examples:
        names = ((rows, name_below(example.path, [folder], rows)) for folder, rows in tables)
        row = next((rows[name] for rows, name in names if name is not None), {})
        found.append(_filled(example, row))
    return found


def read_metadata(file: Path) -> tuple[dict[str, Row], list[str]]:
    """Path -> the columns that are known; a line about those that are not, and one about those that are missing."""
    if not has_columns(file, "path"):
        raise DataError(
            f"{file}: has no column path; need {', '.join(COLUMNS)} (all but path may be left out), or another name "
            "for the file if it is another table"
        )
    rows: dict[str, Row] = {}
    unknown: list[str] = []
    for number, row in read_rows(file, ("path",)):
        unknown = unknown or [name for name in row if name and name not in COLUMNS]
        kept = {name: value for name, value in row.items() if name in COLUMNS and value and value != "?"}
        path = kept.pop("path", "").replace("\\", "/")
        if rows.setdefault(path, kept) != kept:
            raise DataError(f"{file}, line {number}: says of {path} what an earlier line does not; keep one of the two")
    notes = [f"columns of {file.name} that mean nothing here: {', '.join(unknown)}"] if unknown else []
    if missing := [name for name in _DESCRIBING if not has_columns(file, name)]:
        notes.append(f"{file.name} has no column {' or '.join(missing)}: what it leaves open is counted as unknown")
    return rows, notes


def name_below(path: Path, folders: Iterable[Path], names: Mapping[str, object]) -> str | None:
    """The one of `names` that a file has below a folder, or below its `train`, `val` or `test`; None if none."""
    for folder in folders:
        if path.is_relative_to(folder):
            parts = path.relative_to(folder).parts
            shorter = parts[1:] if parts and parts[0] in _SPLIT_FOLDERS else parts
            for candidate in ("/".join(parts), "/".join(shorter)):
                if candidate in names:
                    return candidate
    return None


def _filled(example: Example, row: Row) -> Example:
    """What the label file leaves open, filled in; a patient that only names the file is left open."""
    guessed = names_its_file(example)
    return replace(
        example,
        source=example.source or row.get("source", ""),
        patient=row.get("patient", example.patient) if guessed else example.patient,
        view=example.view or row.get("view", ""),
        age=age_in_years(row.get("age", "")) if example.age is None else example.age,
        sex=example.sex or row.get("sex", ""),
    )


def _disagreeing(example: Example, split: str, row: Row) -> list[str]:
    """The columns that say something else than the example."""
    said = {
        "split": _SPLITS.get(row.get("split", "").lower(), split) == split,
        "class": _LABELS.get(row.get("class", "").lower(), example.label) == example.label,
        "source": row.get("source", example.source) == example.source,
        "patient": row.get("patient", example.patient) == example.patient,
    }
    return [column for column, same in said.items() if not same]
