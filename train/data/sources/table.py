"""A table of your own: `labels.csv` in a folder, or any CSV or TSV; the columns `path` and `label`, and more if known.

`patient`, `split` (train, val or test), `source`, `age` in years, `view` (PA, AP, lateral ...), `sex`. Labels are
COVIDx labels or class names, in any case. Separated by commas, semicolons or tabs, as a spreadsheet saves it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from model_src.classes import CLASS_FOLDERS, COVIDX_LABELS
from model_src.errors import DataError
from train.data.examples import SPLITS, Collection, Example, patient_in_name
from train.data.files import Finder
from train.data.sources.text import age_in_years, has_columns, read_rows, two_class, unknown_label

_FILE = "labels.csv"
_LABELS = {name.lower(): index for name, index in (COVIDX_LABELS | CLASS_FOLDERS).items()}
_TWO_CLASS = {"positive", "negative"}
_SPLITS = {"train": "train", "val": "validation", "valid": "validation", "validation": "validation", "test": "test"}


def matches(path: Path) -> bool:
    """A folder with labels.csv, or a table by its ending (and header, as COVIDx files may end in .tsv)."""
    if path.is_dir():
        return (path / _FILE).is_file()
    return path.suffix.lower() == ".csv" or (path.suffix.lower() == ".tsv" and has_columns(path, "path", "label"))


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """Every row, in order."""
    file = path / _FILE if path.is_dir() else path
    finders = {split: Finder([*roots, file.parent], split) for split in SPLITS}
    splits: dict[str, list[Example]] = {}
    for number, row in read_rows(file, ("path", "label")):
        where, label = f"{file}, line {number}", row["label"].lower()
        split = _SPLITS.get(row.get("split", "").lower() or "train")
        if label in _TWO_CLASS:
            raise two_class(where)
        if label not in _LABELS:
            raise unknown_label(where, row["label"])
        if split is None:
            raise DataError(f"{where}: unknown split {row['split'][:40]!r}, need train, val or test")
        if not row["path"]:
            raise DataError(f"{where}: the path is empty")
        patient = row.get("patient") or patient_in_name(row["path"].replace("\\", "/"))
        age = age_in_years(row.get("age", ""))
        found = finders[split].find(row["path"])
        source, view, sex = (row.get(name, "") for name in ("source", "view", "sex"))
        example = Example(found, _LABELS[label], patient, source, age, view, sex)
        splits.setdefault(split, []).append(example)
    return Collection({name: splits[name] for name in SPLITS if name in splits}, f"a table ({file.name})")
