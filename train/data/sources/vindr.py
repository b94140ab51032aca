"""VinDr-CXR: radiologists' labels in a CSV, films in `train/` and `test/` as `.dicom`.

As published by PhysioNet (`annotations/image_labels_train.csv`, `image_labels_test.csv`) each reader has a row: a film
is Pneumonia if most readers say so, Healthy if all say "No finding". As published by Kaggle (`train.csv`, a row for
each box) pneumonia is not among the labels: only healthy films can be told. All other films are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from model_src.classes import HEALTHY, PNEUMONIA
from train.data.examples import SPLITS, Collection, Example
from train.data.files import NameIndex
from train.data.sources.text import has_columns, read_rows

_READERS = ("image_id", "no finding", "pneumonia")  # one column a finding, a row for each reader
_BOXES = ("image_id", "class_name", "rad_id")  # a row for each box
_ENDINGS = (".dicom", ".dcm", ".png", ".jpg", ".jpeg")


def matches(path: Path) -> bool:
    """A table with VinDr's columns, or a folder that has one, directly or in `annotations`."""
    return bool(_tables(path))


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """One example a film."""
    tables = _tables(path)
    base = path if path.is_dir() else path.parent.parent if path.parent.name == "annotations" else path.parent
    index = NameIndex([*roots, base], _ENDINGS)
    splits: dict[str, list[Example]] = {}
    left_out: dict[str, list[str]] = defaultdict(list)
    for file in tables:
        split = "test" if "test" in file.stem else "train"
        for name, readings in _readings(file).items():
            if 2 * sum(pneumonia for _, pneumonia in readings) > len(readings):
                label = PNEUMONIA
            elif all(healthy for healthy, _ in readings):
                label = HEALTHY
            else:
                left_out["findings other than pneumonia, or on which readers do not agree"].append(name)
                continue
            film = index.find(*(f"{name}{ending}" for ending in _ENDINGS))
            splits.setdefault(split, []).append(Example(film, label, name, "vindr"))
    return Collection(
        {split: splits[split] for split in SPLITS if split in splits},
        f"VinDr-CXR ({', '.join(file.name for file in tables)}; No finding is Healthy)",
        left_out,
        advice="the collection has no COVID-19, and Kaggle's part of it does not tell pneumonia: put X-rays of them "
        "and of these into one labels.csv (columns path, label, patient)",
    )


def _readings(file: Path) -> dict[str, list[tuple[bool, bool]]]:
    """Film -> (says healthy, says pneumonia) of each reader."""
    found: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
    by_finding = has_columns(file, *_READERS)
    for _, row in read_rows(file, _READERS if by_finding else _BOXES):
        if by_finding:
            found[row["image_id"]].append((_yes(row["no finding"]), _yes(row["pneumonia"])))
        else:
            finding = row["class_name"].lower()
            found[row["image_id"]].append((finding == "no finding", finding == "pneumonia"))
    return found


def _yes(value: str) -> bool:
    return value not in ("", "0", "0.0")


def _tables(path: Path) -> list[Path]:
    """The files of readers, or else of boxes."""
    candidates = [*sorted(path.glob("*.csv")), *sorted(path.glob("annotations/*.csv"))] if path.is_dir() else [path]
    return _with(candidates, _READERS) or _with(candidates, _BOXES)


def _with(files: Iterable[Path], columns: tuple[str, ...]) -> list[Path]:
    return [file for file in files if has_columns(file, *columns)]
