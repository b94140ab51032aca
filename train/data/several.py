"""Several DATA_DIRs as one collection: what fits together, and what does not.

Films of a split are put together directory by directory, under patients' common names (train/data/patients.py). Of a
directory without training films, training takes nothing but its test patients, whom it leaves out.
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TypeAlias

from PIL import Image

from model_src.classes import PHANTOMS_FILE
from model_src.errors import DataError
from train.data.examples import SPLITS, Collection, Example
from train.data.patients import renamed

DataDirs: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

_SAMPLE = 25  # films of a directory whose size is looked at
_UNLIKE = 1.5  # how many times larger one directory's films must be to be worth a word


def as_paths(data_dirs: DataDirs) -> list[Path]:
    """One DATA_DIR or several, as a list. Raises DataError: none, or one of them twice."""
    one = isinstance(data_dirs, str | os.PathLike)
    paths = [Path(data_dirs)] if one else [Path(path) for path in data_dirs]  # type: ignore[union-attr, arg-type]
    if not paths:
        raise DataError("no DATA_DIR given; need at least one")
    for path, count in Counter(path.resolve() for path in paths).items():
        if count > 1:
            raise DataError(f"{path}: given {count} times; give each DATA_DIR once")
    return paths


def listed(paths: Sequence[Path]) -> str:
    """For a message: "a", "a and b", "a, b and c"."""
    *first, last = map(str, paths)
    return f"{', '.join(first)} and {last}" if first else last


def directory_names(paths: Sequence[Path]) -> list[str]:
    """A short name for each: its own, and its number behind it where two are called the same."""
    names = [path.resolve().name for path in paths]
    return [name if names.count(name) == 1 else f"{name}-{number}" for number, name in enumerate(names, start=1)]


def is_phantoms(path: Path) -> bool:
    """Whether a DATA_DIR, or a part of one, holds generated phantoms."""
    path = path.resolve()
    return any((folder / PHANTOMS_FILE).is_file() for folder in (path, path.parent))


def merged(paths: Sequence[Path], collections: Sequence[Collection]) -> Collection:
    """The collections as one.

    Raises:
        DataError: phantoms with X-rays, or a film that lies in two of them.
    """
    phantoms = [path for path in paths if is_phantoms(path)]
    if phantoms and len(phantoms) < len(paths):
        others = [path for path in paths if path not in phantoms]
        raise DataError(f"{listed(phantoms)}: generated phantoms, {listed(others)}: X-rays; use one kind alone")
    _refuse_shared_files(paths, collections)
    names = directory_names(paths)
    splits: dict[str, list[Example]] = defaultdict(list)
    left_out: dict[str, list[str]] = defaultdict(list)
    notes = []
    for name, collection in zip(names, collections, strict=True):
        for split, examples in collection.splits.items():
            splits[split] += renamed(examples, name)
        for reason, files in collection.left_out.items():
            left_out[reason] += files
        notes += [f"{name}: {note}" for note in collection.notes]
    return Collection(
        {split: splits[split] for split in SPLITS if split in splits},
        "; ".join(f"{name}: {collection.recognised}" for name, collection in zip(names, collections, strict=True)),
        dict(left_out),
        next((collection.advice for collection in collections if collection.advice), ""),
        (*notes, *_size_note(names, collections)),
    )


def _refuse_shared_files(paths: Sequence[Path], collections: Sequence[Collection]) -> None:
    owner: dict[Path, Path] = {}
    for path, collection in zip(paths, collections, strict=True):
        files = {example.path.absolute() for examples in collection.splits.values() for example in examples}
        if shared := sorted(file for file in files if file in owner):
            raise DataError(
                f"{owner[shared[0]]} and {path}: {len(shared):,} films are in both (first: {shared[0]}); give "
                "directories that do not overlap"
            )
        owner |= dict.fromkeys(files, path)


def _size_note(names: Sequence[str], collections: Sequence[Collection]) -> list[str]:
    """A line where films of one directory are much larger than those of another."""
    sides = {}
    for name, collection in zip(names, collections, strict=True):
        examples = [example for part in collection.splits.values() for example in part]
        found = [side for e in examples[:: max(1, len(examples) // _SAMPLE)] if (side := _short_side(e.path))]
        if found:
            sides[name] = median(found)
    if len(sides) < 2 or max(sides.values()) < _UNLIKE * min(sides.values()):
        return []
    sizes = ", ".join(f"{name} {side:.0f}" for name, side in sides.items())
    return [
        f"films of the directories differ in size (shorter side at the median, pixels: {sizes}): their sharpness can "
        "tell the directories apart, and the classes where they come from different ones"
    ]


def _short_side(path: Path) -> int | None:
    """The shorter side in pixels, from the header; None where Pillow does not know it, as of DICOM."""
    try:
        with Image.open(path) as image:
            return min(image.size)
    except (OSError, ValueError, Image.DecompressionBombError, SyntaxError):
        return None
