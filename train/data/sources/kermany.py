"""Kermany's chest X-rays of children: `chest_xray/{train,val,test}/{NORMAL,PNEUMONIA}/person12_virus_3.jpeg`.

The patient is in the name: person12 is one child, in whatever folder. There is no COVID-19 in it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from train.data.examples import Collection
from train.data.sources import class_folders

_NAME = re.compile(r"person\d+_(virus|bacteria)_\d+\.jpe?g")
_LOOKED_AT = 200  # names in a folder


def matches(path: Path) -> bool:
    """A folder whose PNEUMONIA holds such names and that has no COVID-19, or one with such a `chest_xray`."""
    return _root(path) is not None


def read(path: Path, roots: Sequence[Path]) -> Collection:
    """As class folders, with what is missing said."""
    found = class_folders.read(_root(path) or path, roots)
    return replace(
        found,
        recognised="Kermany's chest_xray (NORMAL is Healthy, PNEUMONIA is Pneumonia; person12 is a patient)",
        advice="the collection has no COVID-19: put a COVID-19 folder from elsewhere beside NORMAL and PNEUMONIA; "
        "its patients are children, so that a network may then learn age for illness",
    )


def _root(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    for root in (path, path / "chest_xray"):
        splits = [root / split for split in ("train", "val", "test") if (root / split).is_dir()] or [root]
        classes = [entry for split in splits for entry in split.iterdir() if entry.is_dir()] if root.is_dir() else []
        covid = any(class_folders.label_of_folder(entry.name) == 2 for entry in classes)
        pneumonia = [entry for entry in classes if entry.name == "PNEUMONIA"]
        if not covid and any(_NAME.fullmatch(f.name) for p in pneumonia for f in islice(p.iterdir(), _LOOKED_AT)):
            return root
    return None
