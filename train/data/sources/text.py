"""What text files of labels have in common: their encoding, their separator, and what is said of a wrong label."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path

from model_src.classes import COVIDX_LABELS
from model_src.errors import DataError

_SEPARATORS = (",", ";", "\t")


def read_text(file: Path) -> str:
    """The file's text: UTF-8, or UTF-16 as Excel saves "Unicode text". Raises DataError."""
    try:
        content = file.read_bytes()
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if wide else "utf-8-sig")
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}; check its name and its permissions") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{file} cannot be read as UTF-8 text: {error}; save it as UTF-8") from error


def read_rows(file: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, {column in lower case: value}) of a table with a header, separated by commas, semicolons or tabs.

    Raises:
        DataError: the header lacks one of the columns `needed`.
    """
    lines = read_text(file).splitlines()
    try:
        reader = _reader(file, lines, needed)
        for row in reader:
            yield reader.line_num, {name: (value or "").strip() for name, value in row.items() if isinstance(name, str)}
    except csv.Error as error:
        raise DataError(f"{file}: not a table that can be read ({error}); save it as CSV again") from error


def _reader(file: Path, lines: list[str], needed: tuple[str, ...]) -> csv.DictReader[str]:
    """By the first separator with which the header names what is needed."""
    for separator in _SEPARATORS:
        reader = csv.DictReader(lines, delimiter=separator)
        columns = [(name or "").strip().lower() for name in reader.fieldnames or []]
        if set(needed) <= set(columns):
            reader.fieldnames = columns
            return reader
    found = ", ".join(name.strip() for name in lines[0].split(","))[:80] if lines else ""
    raise DataError(
        f"{file}: the first line must name the columns {' and '.join(needed)}, separated by commas, semicolons or "
        f"tabs; found {found or 'an empty file'}"
    )


def has_columns(file: Path, *columns: str) -> bool:
    """Whether a table's first line names all of `columns`, in any case."""
    try:
        with file.open("rb") as stream:
            first = stream.readline(10_000).decode("utf-8-sig", "replace").lower()
    except OSError:
        return False
    names = {name.strip().strip('"') for name in first.replace(";", ",").replace("\t", ",").split(",")}
    return {column.lower() for column in columns} <= names


def tables_in(folder: Path, *columns: str) -> list[Path]:
    """The CSV files directly in `folder` whose first line names all of `columns`."""
    return [file for file in sorted(folder.glob("*.csv")) if has_columns(file, *columns)]


def age_in_years(text: str) -> float | None:
    """An age such as `58`, `058Y`, `011M`, `003W`, `021D`; None where there is none, or none that a person has."""
    days = {"Y": 365.25, "M": 365.25 / 12, "W": 7.0, "D": 1.0}
    unit = days.get(text[-1:].upper(), days["Y"])
    try:
        years = float(text.rstrip("YMWDymwd")) * unit / days["Y"]
    except ValueError:
        return None
    return years if 0 <= years <= 120 else None


def unknown_label(where: str, found: str) -> DataError:
    """For a label that is none."""
    return DataError(
        f"{where}: unknown label {found[:40]!r}, need one of {', '.join(COVIDX_LABELS)}; correct or remove the line"
    )


def two_class(where: str) -> DataError:
    """For a line of COVIDx with two classes."""
    return DataError(
        f"{where}: a two-class label file (positive/negative, as COVIDx 9B); CoroNet needs three classes, "
        f"and 'negative' does not say whether a lung is healthy or has pneumonia; use a three-class file, "
        f"such as COVIDx 9A"
    )
