"""DATA_DIR, or several -> examples per split, each by the first of `train/data/sources` that knows what it is.

Data without splits is training data; asked for `all`, any form gives everything. Listed images are looked up in each
root given, then in the list's own folder, and in the `train`, `val` and `test` sub-folders of those (as COVIDx is laid
out). Patients: as the source says; else as a file's name says in collections known for it; else every image counts as
a patient of its own.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from model_src.classes import CLASS_FOLDERS, CLASS_NAMES
from model_src.errors import DataError
from train.data import sources
from train.data.examples import Collection, Example, class_counts
from train.data.metadata import with_metadata
from train.data.several import DataDirs, as_paths, directory_names, is_phantoms, listed, merged

Split = Literal["train", "validation", "test", "all"]


def read_data_dir(
    data_dirs: DataDirs,
    split: Split,
    roots: Sequence[str | os.PathLike[str]] = (),
    *,
    missing_ok: bool = False,
) -> list[Example]:
    """Examples of one split, in the order of the label file (class folders: class by class, by name).

    Args:
        data_dirs: a folder, a COVIDx label file or a CSV, or several of them; see the module's text.
        split: "train", "validation", "test", or "all" for everything there is. Each directory must have it, but for
            "train": one without training films gives none.
        roots: more folders in which the label files' paths are looked up, before their own folder.
        missing_ok: list images that a label file names but no root holds, for a caller that reports or skips
            them.

    Raises:
        DataError: no such split, a malformed line, a class without images, missing images, or directories that do not
            fit each other (train/data/several.py).
    """
    paths = as_paths(data_dirs)
    collections = [_read_one(path, roots) for path in paths]
    collection = _together(paths, collections)
    if split != "all":
        without = [path for path, own in zip(paths, collections, strict=True) if split not in own.splits]
        if without and (split != "train" or len(without) == len(paths)):
            raise DataError(_no_such_split(without[0], split, list(collections[paths.index(without[0])].splits)))
    examples = [e for part in collection.splits.values() for e in part] if split == "all" else collection.splits[split]
    _require_all_classes(examples, listed(paths), split, collection)
    if not missing_ok:
        _require_files(examples, listed(paths))
    return examples


def read_collection(data_dirs: DataDirs, roots: Sequence[str | os.PathLike[str]] = ()) -> Collection:
    """Everything that the data has, at least one image; unchecked: classes may be empty and images missing.

    Raises:
        DataError: nothing usable was found, the choice is ambiguous, a line is malformed, or directories do not fit
            each other.
    """
    paths = as_paths(data_dirs)
    return _together(paths, [_read_one(path, roots) for path in paths])


def _together(paths: Sequence[Path], collections: Sequence[Collection]) -> Collection:
    """One directory as it is, several merged."""
    return collections[0] if len(collections) == 1 else merged(paths, collections)


def _read_one(data_dir: Path, roots: Sequence[str | os.PathLike[str]]) -> Collection:
    more = [Path(root) for root in roots]
    for root in more:
        if not root.is_dir():
            raise DataError(f"--roots: {root} is not a folder; give folders that hold images")
    if not data_dir.exists():
        raise DataError(f"{data_dir} does not exist; need a folder of X-rays, a label file or a CSV")
    source = next(source for source in sources.SOURCES if source.matches(data_dir))
    collection = source.read(data_dir, more)
    if not any(collection.splits.values()):
        left_out = "".join(f", {len(files)} left out ({why})" for why, files in collection.left_out.items())
        raise DataError(
            f"{data_dir}: read as {collection.recognised}: found no image{left_out}, need labelled X-rays of "
            f"{', '.join(CLASS_NAMES)}; give another folder or list"
        )
    return with_metadata(collection, folder_of(data_dir), more)


def folder_of(data_dir: Path) -> Path:
    """The folder that a DATA_DIR's paths are below: itself, or where the label file lies."""
    return data_dir if data_dir.is_dir() else data_dir.parent


def list_splits(data_dirs: DataDirs, roots: Sequence[str | os.PathLike[str]] = ()) -> dict[str, list[Example]]:
    """Every split that the data has -> its examples, as `read_collection`."""
    return read_collection(data_dirs, roots).splits


def describe_data(data_dirs: DataDirs, roots: Sequence[str | os.PathLike[str]] = ()) -> dict[str, Any]:
    """A summary for run.json and artefacts.json.

    Returns:
        `name` (of the folder or file; of several, joined by " + "), `kind` ("phantoms" or "x-rays"), `counts`
        ({split: {class name: images}}) and `patients` ({split: number}).
    """
    paths = as_paths(data_dirs)
    splits = list_splits(paths, roots)
    return {
        "name": paths[0].resolve().name if len(paths) == 1 else " + ".join(directory_names(paths)),
        "kind": "phantoms" if is_phantoms(paths[0]) else "x-rays",
        "counts": {split: class_counts(examples) for split, examples in splits.items()},
        "patients": {split: len({e.patient for e in examples}) for split, examples in splits.items()},
    }


# --- checks


def _require_all_classes(examples: Sequence[Example], data_dir: str, split: str, collection: Collection) -> None:
    counts = class_counts(examples)
    empty = [name for name, count in counts.items() if count == 0]
    if empty:
        found = ", ".join(f"{count} {name}" for name, count in counts.items() if count) or "nothing"
        advice = collection.advice or f"class folders: {', '.join(CLASS_FOLDERS)}"
        raise DataError(
            f"{data_dir}: read as {collection.recognised}: found {found}, no images of {' and '.join(empty)} in the "
            f"{split} split; all of {', '.join(CLASS_NAMES)} are needed ({advice})"
        )


def _require_files(examples: Sequence[Example], data_dir: str) -> None:
    # Not Path.is_file, which raises for a name that is too long for a file.
    missing = [example.path for example in examples if not os.path.isfile(example.path)]  # noqa: PTH113
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
