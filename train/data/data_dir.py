"""DATA_DIR in its three forms -> a list of examples per split.

1. COVIDx label files `train_NAME.txt`, `test_NAME.txt` (and `val_NAME.txt`; `_NAME` may be absent), in
   DATA_DIR or given directly: a label file stands for its set, so either file of a pair gives both splits.
   They come first: where label files exist, class folders beside them are only places where images lie.
2. A CSV with the columns path, label [, patient, split, source]: `labels.csv` in DATA_DIR, or given directly.
3. Class folders (`Healthy`, `Pneumonia`, `COVID-19`, or `healthy`, `pneumonia`, `covid`), directly in
   DATA_DIR or under `train/`, `val/` (or `validation/`) and `test/`. Every visible file below them is an
   image, except text, tables and archives.

Paths in label files are looked up in each root given, then in the file's own folder, and in the `train`,
`val` and `test` sub-folders of those (as COVIDx is laid out). Data without splits is training data; asked for
`all`, any form gives everything.

Patients: the label file's first column or the CSV's `patient`; elsewhere the number in names of the NIH
collection (`00001389_001.png` is patient 00001389), or else every image counts as a patient of its own.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from model_src.classes import CLASS_FOLDERS, CLASS_NAMES
from model_src.errors import DataError
from train.data.label_files import LabelLine, read_covidx, read_csv

Split = Literal["train", "validation", "test", "all"]
PHANTOMS_FILE = "phantoms.json"  # written by phantoms/generate.py; says that a folder holds no real X-rays

_SPLIT_FOLDERS = {"train": ("train",), "validation": ("val", "validation"), "test": ("test",)}
_LABEL_FILE = re.compile(r"(?P<split>train|val|validation|test)(?P<set>_.*)?\.txt")
_NIH_NAME = re.compile(r"(?P<patient>\d{8})_\d{3}")
_NOT_IMAGES = {".txt", ".csv", ".tsv", ".json", ".md", ".xml", ".html", ".pdf", ".db", ".ini", ".zip", ".gz"}


@dataclass(frozen=True)
class Example:
    """One labelled image: `label` is 0 Healthy, 1 Pneumonia, 2 COVID-19; `source` may be empty."""

    path: Path
    label: int
    patient: str
    source: str


def read_data_dir(
    data_dir: str | os.PathLike[str],
    split: Split,
    roots: Sequence[str | os.PathLike[str]] = (),
    *,
    missing_ok: bool = False,
) -> list[Example]:
    """Examples of one split, in the order of the label file (class folders: class by class, by name).

    Args:
        data_dir: a folder, a COVIDx label file or a CSV; see the module's text.
        split: "train", "validation", "test", or "all" for everything there is.
        roots: more folders in which the label files' paths are looked up, before their own folder.
        missing_ok: list images that a label file names but no root holds, for a caller that reports or skips
            them.

    Raises:
        DataError: no such split, a malformed line, a class without images, or missing images.
    """
    splits = list_splits(data_dir, roots)
    if split == "all":
        examples = [example for part in splits.values() for example in part]
    elif split in splits:
        examples = splits[split]
    else:
        raise DataError(_no_such_split(Path(data_dir), split, list(splits)))
    _require_all_classes(examples, Path(data_dir), split)
    if not missing_ok:
        _require_files(examples, Path(data_dir))
    return examples


def list_splits(
    data_dir: str | os.PathLike[str], roots: Sequence[str | os.PathLike[str]] = ()
) -> dict[str, list[Example]]:
    """Every split that `data_dir` has -> its examples, unchecked: classes may be empty and images missing.

    Raises:
        DataError: nothing usable was found, the choice is ambiguous, or a line is malformed.
    """
    data_dir = Path(data_dir)
    more = [Path(root) for root in roots]
    for root in more:
        if not root.is_dir():
            raise DataError(f"--roots: {root} is not a folder; give folders that hold images")
    if data_dir.is_dir():
        if label_files := _label_files_in(data_dir):
            return _from_label_files(label_files, more)
        if (data_dir / "labels.csv").is_file():
            return _from_csv(data_dir / "labels.csv", more)
        return _from_class_folders(data_dir)
    if not data_dir.exists():
        raise DataError(f"{data_dir} does not exist; need a folder of X-rays, a label file or a CSV")
    if data_dir.suffix.lower() == ".csv":
        return _from_csv(data_dir, more)
    return _from_label_files(_set_of(data_dir), more)


def describe_data(data_dir: str | os.PathLike[str], roots: Sequence[str | os.PathLike[str]] = ()) -> dict[str, Any]:
    """A summary for run.json and artefacts.json.

    Returns:
        `name` (of the folder or file), `kind` ("phantoms" or "x-rays"), `counts` ({split: {class name:
        images}}) and `patients` ({split: number}).
    """
    data_dir = Path(data_dir).resolve()
    splits = list_splits(data_dir, roots)
    phantoms = any((folder / PHANTOMS_FILE).is_file() for folder in (data_dir, data_dir.parent))
    return {
        "name": data_dir.name,
        "kind": "phantoms" if phantoms else "x-rays",
        "counts": {split: class_counts(examples) for split, examples in splits.items()},
        "patients": {split: len({e.patient for e in examples}) for split, examples in splits.items()},
    }


def class_counts(examples: Iterable[Example]) -> dict[str, int]:
    """Number of examples per class name, in the network's order, zeros included."""
    counts = Counter(example.label for example in examples)
    return {name: counts[index] for index, name in enumerate(CLASS_NAMES)}


# --- label files and CSV


def _label_files_in(folder: Path) -> dict[str, Path]:
    """The folder's label file per split; more than one for a split is a choice the user has to make."""
    found: dict[str, list[Path]] = {}
    for file in sorted(folder.glob("*.txt")):
        if match := _LABEL_FILE.fullmatch(file.name):
            found.setdefault(_split_named(match["split"]), []).append(file)
    for split, files in found.items():
        if len(files) > 1:
            raise DataError(
                f"{folder} has {len(files)} label files for {split}: {', '.join(f.name for f in files)}; "
                f"give the one to use in place of the folder (its counterpart of the same name is found)"
            )
    return {split: files[0] for split, files in found.items()}


def _set_of(file: Path) -> dict[str, Path]:
    """A label file and its counterparts of the same set: train_NAME.txt, val_NAME.txt, test_NAME.txt."""
    match = _LABEL_FILE.fullmatch(file.name)
    if not match:
        return {"train": file}
    siblings = {
        _split_named(other["split"]): candidate
        for candidate in sorted(file.parent.glob("*.txt"))
        if (other := _LABEL_FILE.fullmatch(candidate.name)) and other["set"] == match["set"]
    }
    return siblings | {_split_named(match["split"]): file}


def _split_named(name: str) -> str:
    return next(split for split, names in _SPLIT_FOLDERS.items() if name in names)


def _from_label_files(files: dict[str, Path], roots: list[Path]) -> dict[str, list[Example]]:
    splits = {}
    for split in (name for name in _SPLIT_FOLDERS if name in files):
        finder = _Finder([*roots, files[split].parent], split)
        splits[split] = [_example(line, finder) for line in read_covidx(files[split])]
    return splits


def _from_csv(file: Path, roots: list[Path]) -> dict[str, list[Example]]:
    finders = {split: _Finder([*roots, file.parent], split) for split in _SPLIT_FOLDERS}
    splits: dict[str, list[Example]] = {}
    for line in read_csv(file):
        split = line.split or "train"
        splits.setdefault(split, []).append(_example(line, finders[split]))
    return {split: splits[split] for split in _SPLIT_FOLDERS if split in splits}


def _example(line: LabelLine, finder: _Finder) -> Example:
    patient = line.patient or _patient_in_name(line.path)
    return Example(finder.find(line.path), line.label, patient, line.source)


class _Finder:
    """Looks paths up in the roots and in their split sub-folders, this split's own first."""

    def __init__(self, roots: Iterable[Path], split: str) -> None:
        order = (split, *(other for other in _SPLIT_FOLDERS if other != split))
        names = ("", *(name for key in order for name in _SPLIT_FOLDERS[key]))
        places = [root / name for root in roots for name in names]
        self._folders = [folder for folder in places if folder.is_dir()]

    def find(self, path: str) -> Path:
        """The first existing candidate, or, when there is none, the first place where it could have been."""
        candidates = [folder / path for folder in self._folders]
        return next((candidate for candidate in candidates if candidate.is_file()), candidates[0])


# --- class folders


def _from_class_folders(data_dir: Path) -> dict[str, list[Example]]:
    splits = {}
    for split, names in _SPLIT_FOLDERS.items():
        if examples := [e for name in names for e in _in_class_folders(data_dir / name, data_dir)]:
            splits[split] = examples
    direct = _in_class_folders(data_dir, data_dir)
    if splits and direct:
        raise DataError(
            f"{data_dir} has class folders both directly and under {', '.join(splits)}; keep one of the two"
        )
    if not splits and not direct:
        found = sorted(entry.name for entry in data_dir.iterdir())
        raise DataError(
            f"{data_dir} holds no data: need label files (train_*.txt, test_*.txt), labels.csv, or the class "
            f"folders {', '.join(CLASS_FOLDERS)} with images in them; found {_first(found) or 'nothing'}"
        )
    return splits or {"train": direct}


def _in_class_folders(folder: Path, data_dir: Path) -> list[Example]:
    examples = []
    for name, label in sorted(CLASS_FOLDERS.items(), key=lambda item: (item[1], item[0])):
        files = (file for file in (folder / name).rglob("*") if _may_be_image(file, folder))
        for file in sorted(files):
            patient = _patient_in_name(file.relative_to(data_dir).as_posix())
            examples.append(Example(file, label, patient, ""))
    return examples


def _may_be_image(file: Path, below: Path) -> bool:
    hidden = any(part.startswith(".") for part in file.relative_to(below).parts)
    return not hidden and file.suffix.lower() not in _NOT_IMAGES and file.is_file()


def _patient_in_name(path: str) -> str:
    """The NIH patient number in a file name, else the whole path without suffix: a patient of its own."""
    stem = Path(path).with_suffix("")
    match = _NIH_NAME.fullmatch(stem.name)
    return match["patient"] if match else stem.as_posix()


# --- checks


def _require_all_classes(examples: Sequence[Example], data_dir: Path, split: str) -> None:
    empty = [name for name, count in class_counts(examples).items() if count == 0]
    if empty:
        raise DataError(
            f"{data_dir}: no images of {' and '.join(empty)} in the {split} split; "
            f"all of {', '.join(CLASS_NAMES)} are needed (class folders: {', '.join(CLASS_FOLDERS)})"
        )


def _require_files(examples: Sequence[Example], data_dir: Path) -> None:
    missing = [example.path for example in examples if not example.path.is_file()]
    if missing:
        raise DataError(
            f"{data_dir}: {len(missing)} of {len(examples)} images are missing: "
            f"{_first(missing)}; give the folder that holds them with --roots, "
            f"or list them all with `coronet data check`"
        )


def _no_such_split(data_dir: Path, split: str, found: list[str]) -> str:
    advice = {
        "test": "put test images under test/ or name them in test_*.txt (--split all takes everything)",
        "validation": "put such images under val/ or name them in val_*.txt",
        "train": "put training images under train/ or name them in train_*.txt",
    }[split]
    return f"{data_dir} has no {split} split, only {' and '.join(found)}; {advice}"


def _first(names: Sequence[object]) -> str:
    """The first three of many, for a message of one line."""
    return ", ".join(map(str, names[:3])) + (", ..." if len(names) > 3 else "")
