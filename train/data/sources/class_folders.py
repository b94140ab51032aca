"""Class folders, directly or under train, val (or validation) and test: what most collections are unpacked as.

Names are taken in any case, with spaces, dashes or underscores: `Healthy` or `NORMAL`, `Pneumonia` or
`Viral Pneumonia`, `COVID-19`, `covid` or `COVID19`. So the COVID-19 Radiography Database can be read as it is: its
`images` are taken, the `masks` beside them and the class `Lung_Opacity` are left out. Every visible file below a class
folder is an image, except text, tables and archives; links are followed.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from model_src.classes import CLASS_FOLDERS, COVID, HEALTHY, PNEUMONIA
from model_src.errors import DataError
from train.data.examples import Collection, Example, patient_in_name
from train.data.files import MASKS, SPLIT_FOLDERS, files_below, images_below

_CLASSES = {
    "healthy": HEALTHY,
    "normal": HEALTHY,
    "pneumonia": PNEUMONIA,
    "viralpneumonia": PNEUMONIA,
    "covid": COVID,
    "covid19": COVID,
}
_NOT_CLASSES = {"masks", "mask"} | {name for names in SPLIT_FOLDERS.values() for name in names}
_OTHER = "in folders that name none of the three classes"


def matches(path: Path) -> bool:
    """Any folder: the last source that is asked."""
    return path.is_dir()


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """Class by class, by name. Raises DataError: there are no class folders, or in two places."""
    left_out: dict[str, list[str]] = defaultdict(list)
    used: list[str] = []
    splits = {}
    for split, names in SPLIT_FOLDERS.items():
        if examples := [e for name in names for e in _in_class_folders(path / name, path, left_out, used)]:
            splits[split] = examples
    direct = _in_class_folders(path, path, left_out, used)
    if splits and direct:
        raise DataError(f"{path} has class folders both directly and under {', '.join(splits)}; keep one of the two")
    if not splits and not direct:
        raise DataError(
            f"{path} holds no data: need label files (train_*.txt, test_*.txt), labels.csv, or the class "
            f"folders {', '.join(CLASS_FOLDERS)} with images in them; found {_found_in(path)}"
        )
    for masks in [path / name for name in ("mask", "masks") if (path / name).is_dir()]:
        left_out[MASKS] += map(str, files_below(masks))
    return Collection(splits or {"train": direct}, f"class folders ({', '.join(dict.fromkeys(used))})", left_out)


def label_of_folder(name: str) -> int | None:
    """The class that a folder's name means, if any."""
    return _CLASSES.get(re.sub(r"[\s_-]", "", name.lower()))


def _in_class_folders(folder: Path, data_dir: Path, left_out: dict[str, list[str]], used: list[str]) -> list[Example]:
    examples: list[Example] = []
    if not folder.is_dir():
        return examples
    inside = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    classes = [(label, entry) for entry in inside if (label := label_of_folder(entry.name)) is not None]
    for label, entry in sorted(classes, key=lambda item: item[0]):
        below = images_below(entry)
        for reason, paths in below.left_out.items():
            left_out[reason] += paths
        if below.images:
            used.append(entry.name)
        for file in below.images:
            patient = patient_in_name(file.relative_to(data_dir).as_posix())
            examples.append(Example(file, label, patient, ""))
    if examples:
        for entry in inside:
            if label_of_folder(entry.name) is None and entry.name.lower() not in _NOT_CLASSES:
                left_out[_OTHER] += [str(path) for path in images_below(entry).images]
    if not left_out[_OTHER]:
        del left_out[_OTHER]
    return examples


def _found_in(folder: Path) -> str:
    entries = sorted(folder.iterdir())
    inside = [
        entry
        for entry in entries
        if entry.is_dir() and any(label_of_folder(e.name) is not None for e in entry.iterdir())
    ]
    if inside:
        return f"{inside[0].name}, which has them: give {inside[0]}"
    return (", ".join(entry.name for entry in entries[:3]) + (", ..." if len(entries) > 3 else "")) or "nothing"
