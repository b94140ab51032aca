"""RSNA Pneumonia Detection Challenge: `stage_2_train_labels.csv`, `stage_2_detailed_class_info.csv` and DICOM folders.

Class "Normal" is Healthy, "Lung Opacity" is Pneumonia; "No Lung Opacity / Not Normal" is neither and is left out, and
so are the films of `stage_2_test_images`, whose labels were never published.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from model_src.classes import HEALTHY, PNEUMONIA
from model_src.errors import DataError
from train.data.examples import Collection, Example
from train.data.files import NameIndex, images_below
from train.data.sources.text import has_columns, read_rows

_BOXES, _CLASSES = ("patientid", "target"), ("patientid", "class")
_DETAILS = "stage_2_detailed_class_info.csv"
_TEST = "stage_2_test_images"
_LABELS = {"normal": HEALTHY, "lung opacity": PNEUMONIA}


def matches(path: Path) -> bool:
    """A folder with one of the challenge's tables, or such a table."""
    if path.is_dir():
        return any(_is_table(file) for file in path.glob("stage_*.csv"))
    return _is_table(path)


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """One example a film; its boxes, one row each, do not matter here."""
    folder = path if path.is_dir() else path.parent
    details = next(iter(sorted(folder.glob("stage_*_detailed_class_info.csv"))), None)
    if details is None:
        raise DataError(
            f"{path}: found the boxes of the RSNA challenge without {_DETAILS}, which alone tells a healthy lung from "
            "one with another finding; put it beside them"
        )
    index = NameIndex([*roots, folder], (".dcm", ".png", ".jpg", ".jpeg"))
    class_of = {row["patientid"]: row["class"].lower() for _, row in read_rows(details, _CLASSES)}
    examples, left_out = [], defaultdict(list)
    for name, kind in class_of.items():
        if kind in _LABELS:
            film = index.find(f"{name}.dcm", f"{name}.png", f"{name}.jpg")
            examples.append(Example(film, _LABELS[kind], name, "rsna"))
        else:
            left_out["findings other than lung opacity"].append(name)
    if (folder / _TEST).is_dir():
        left_out["films of the challenge's test, which have no label"] += map(str, images_below(folder / _TEST).images)
    return Collection(
        {"train": examples},
        f"RSNA Pneumonia Detection Challenge ({details.name}; Normal is Healthy, Lung Opacity is Pneumonia)",
        left_out,
        advice="the collection has no COVID-19: put X-rays of it and of these into one labels.csv "
        "(columns path, label, patient)",
    )


def _is_table(file: Path) -> bool:
    return file.name.startswith("stage_") and (has_columns(file, *_BOXES) or has_columns(file, *_CLASSES))
