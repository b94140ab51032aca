"""Label files: COVIDx text files as published (v1 to v9A) and CSV tables, parsed line by line.

A COVIDx line is `patient-id path label [source]`, separated by white space; a path may itself hold spaces, so
the patient is the first token and the label the last one, or the last but one when a source follows it. A CSV
has a header with at least `path` and `label`, and optionally `patient`, `split` and `source`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from model_src.classes import CLASS_FOLDERS, COVIDX_LABELS
from model_src.errors import DataError

_LABELS = {name.lower(): index for name, index in COVIDX_LABELS.items()}
_CSV_LABELS = _LABELS | {name.lower(): index for name, index in CLASS_FOLDERS.items()}
_TWO_CLASS = {"positive", "negative"}
_SPLITS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "": "",
}
_CSV_COLUMNS = {"path", "label", "patient", "split", "source"}


@dataclass(frozen=True)
class LabelLine:
    """One line of a label file. `patient`, `source` and `split` are empty where the file does not say."""

    path: str
    label: int
    patient: str
    source: str
    split: str


def read_covidx(file: Path) -> list[LabelLine]:
    """Lines of a COVIDx text file, in order; blank lines are passed over.

    Raises:
        DataError: the file cannot be read, is a two-class file, or a line is malformed (file and line are
            named).
    """
    lines = []
    for number, text in enumerate(_read_text(file).splitlines(), start=1):
        tokens = text.split()
        if not tokens:
            continue
        where = f"{file}, line {number}"
        if len(tokens) >= 3 and tokens[-1].lower() in _LABELS:
            path_end, source = len(tokens) - 1, ""
        elif len(tokens) >= 4 and tokens[-2].lower() in _LABELS:
            path_end, source = len(tokens) - 2, tokens[-1]
        else:
            raise _bad_line(where, tokens)
        # Splitting on the tokens' own text keeps runs of spaces inside a path as they are.
        label = tokens[path_end]
        rest = text.strip()[len(tokens[0]) :]
        if source:
            rest = rest.rstrip()[: -len(source)]
        path = rest.rstrip()[: -len(label)].strip()
        lines.append(LabelLine(path, _LABELS[label.lower()], tokens[0], source, ""))
    return lines


def _bad_line(where: str, tokens: list[str]) -> DataError:
    if len(tokens) < 3:
        return DataError(f"{where}: found {' '.join(tokens)[:60]!r}, need `patient-id path label [source]`")
    if _TWO_CLASS & {tokens[-1].lower(), tokens[-2].lower()}:
        return _two_class(where)
    found = tokens[2] if len(tokens) <= 4 else tokens[-1]
    return _unknown_label(where, found)


def _unknown_label(where: str, found: str) -> DataError:
    return DataError(
        f"{where}: unknown label {found[:40]!r}, need one of {', '.join(COVIDX_LABELS)}; correct or remove the line"
    )


def _two_class(where: str) -> DataError:
    return DataError(
        f"{where}: a two-class label file (positive/negative, as COVIDx 9B); CoroNet needs three classes, "
        f"and 'negative' does not say whether a lung is healthy or has pneumonia; use a three-class file, "
        f"such as COVIDx 9A"
    )


def read_csv(file: Path) -> list[LabelLine]:
    """Rows of a CSV with a header naming `path` and `label` [, `patient`, `split`, `source`], in order.

    Labels may be COVIDx labels or class names, in any case; splits are train, val (or validation) and test.

    Raises:
        DataError: the file cannot be read, the header lacks a column, or a row is malformed (file and line
            named).
    """
    reader = csv.DictReader(_read_text(file).splitlines())
    columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
    if not {"path", "label"} <= set(columns):
        raise DataError(
            f"{file}: the first line must name the columns path and label "
            f"(and may name patient, split, source); found {', '.join(columns)[:80] or 'an empty file'}"
        )
    reader.fieldnames = columns
    return [_csv_line(f"{file}, line {number}", row) for number, row in _rows(reader)]


def _rows(reader: csv.DictReader[str]) -> Iterator[tuple[int, dict[str, str]]]:
    for row in reader:
        yield reader.line_num, {name: (row[name] or "").strip() for name in _CSV_COLUMNS & row.keys()}


def _csv_line(where: str, row: dict[str, str]) -> LabelLine:
    label, split = row["label"].lower(), row.get("split", "").lower()
    if label in _TWO_CLASS:
        raise _two_class(where)
    if label not in _CSV_LABELS:
        raise _unknown_label(where, row["label"])
    if split not in _SPLITS:
        raise DataError(f"{where}: unknown split {row['split'][:40]!r}, need train, val or test")
    if not row["path"]:
        raise DataError(f"{where}: the path is empty")
    return LabelLine(row["path"], _CSV_LABELS[label], row.get("patient", ""), row.get("source", ""), _SPLITS[split])


def _read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as UTF-8 text: {error}") from error
