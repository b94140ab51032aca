"""NIH ChestX-ray14: `Data_Entry_2017.csv` (or a later one) with its images in `images_001/images/` and so on.

"No Finding" is Healthy, any list of findings with Pneumonia in it is Pneumonia; other findings are left out.
`test_list.txt` gives the test split.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from model_src.classes import HEALTHY, PNEUMONIA
from train.data.examples import SPLITS, Collection, Example
from train.data.files import NameIndex
from train.data.sources.text import age_in_years, has_columns, read_rows, read_text, tables_in

_COLUMNS = ("image index", "finding labels", "patient id")
_SOURCE = "nih"


def matches(path: Path) -> bool:
    """A table with NIH's columns, or a folder that has one."""
    return bool(tables_in(path, *_COLUMNS)) if path.is_dir() else has_columns(path, *_COLUMNS)


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """Healthy and pneumonia images with their patients, ages and views."""
    file = tables_in(path, *_COLUMNS)[0] if path.is_dir() else path
    index = NameIndex([*roots, file.parent], (".png", ".jpg", ".jpeg"))
    test_list = file.parent / "test_list.txt"
    in_test = set(read_text(test_list).split()) if test_list.is_file() else set()
    splits: dict[str, list[Example]] = {"train": [], "test": []}
    left_out: dict[str, list[str]] = defaultdict(list)
    for _, row in read_rows(file, _COLUMNS):
        name, findings = row["image index"], row["finding labels"].lower().split("|")
        if "pneumonia" in findings:
            label = PNEUMONIA
        elif findings == ["no finding"]:
            label = HEALTHY
        else:
            left_out["findings other than pneumonia"].append(name)
            continue
        age = age_in_years(row.get("patient age", ""))
        view, sex = row.get("view position", ""), row.get("patient gender") or row.get("patient sex", "")
        example = Example(index.find(name), label, row["patient id"], _SOURCE, age, view, sex)
        splits["test" if name in in_test else "train"].append(example)
    return Collection(
        {split: splits[split] for split in SPLITS if splits.get(split)},
        f"NIH ChestX-ray14 ({file.name}; No Finding is Healthy)",
        left_out,
        advice="the collection has no COVID-19: put X-rays of it and of these into one labels.csv "
        "(columns path, label, patient)",
    )
