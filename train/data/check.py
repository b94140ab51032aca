"""Is this data fit to train on, and to evaluate a model with? Every image is decoded, none is kept.

Problems make training impossible or a result untrue; notes are worth knowing. Duplicates are found by what is
seen, not by the file: the same pixels saved under another name, or in another lossless format, count as the
same image. Children and lateral films are found where a list or a DICOM header says age or view.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model_src.classes import CLASS_NAMES
from train.data.data_dir import read_collection
from train.data.decode import UnreadableFile, decode_files
from train.data.examples import Example, class_counts
from train.data.suspects import ADULT, age_and_view, is_lateral, is_two_valued
from train.progress import track

# Images per class in the paper's Table 1.
PAPER_COUNTS = {
    "train": {"Healthy": 7966, "Pneumonia": 8521, "COVID-19": 89},
    "test": {"Healthy": 885, "Pneumonia": 1058, "COVID-19": 10},
}
SHORTEST_SIDE = 128  # pixels; less is a thumbnail
WIDEST_RATIO = 1.6  # long side over short side; more is a cut-out or two films side by side
_LOOK_SIZE = 32  # pixels squared at which images are compared


@dataclass
class SplitCheck:
    """What one split holds. `images` counts lines; `repeated_lines` of them name an image named before."""

    images: dict[str, int]
    patients: dict[str, int]
    repeated_lines: int


@dataclass
class DataCheck:
    """The findings, JSON-ready through `to_dict`. Paths are as they were looked up."""

    data_dir: str
    recognised: str  # what the data was taken for
    left_out: dict[str, list[str]] = field(default_factory=dict)  # why -> files or rows that are no examples
    splits: dict[str, SplitCheck] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unreadable: dict[str, str] = field(default_factory=dict)  # path -> reason
    duplicates: list[list[str]] = field(default_factory=list)  # within a split, one label
    shared_images: list[list[str]] = field(default_factory=list)  # one image in several splits
    conflicting_labels: list[list[str]] = field(default_factory=list)  # one image under several labels
    shared_patients: dict[str, dict[str, int]] = field(default_factory=dict)  # patient -> images per split
    two_valued: list[str] = field(default_factory=list)  # as masks are
    laterals: list[str] = field(default_factory=list)
    children: dict[str, float] = field(default_factory=dict)  # path -> age in years
    unusual_sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # path -> (width, height)
    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)  # smallest, median, largest by area
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON, with the paper's counts beside."""
        return {**asdict(self), "paper_counts": PAPER_COUNTS}


def check_data(
    data_dir: str | os.PathLike[str],
    roots: Sequence[str | os.PathLike[str]] = (),
    workers: int | None = None,
) -> DataCheck:
    """Look at every line and every image of a DATA_DIR (forms and roots: see `train.data.data_dir`).

    Raises:
        DataError: `data_dir` cannot be read as data at all, or is a two-class file.
    """
    collection = read_collection(data_dir, roots)
    splits = collection.splits
    left_out = {reason: list(files) for reason, files in collection.left_out.items()}
    check = DataCheck(str(data_dir), collection.recognised, left_out, notes=list(collection.notes))
    for split, examples in splits.items():
        check.splits[split] = SplitCheck(
            class_counts(examples),
            {name: len({e.patient for e in examples if e.label == i}) for i, name in enumerate(CLASS_NAMES)},
            len(examples) - len({example.path for example in examples}),
        )
    images_of: dict[str, Counter[str]] = defaultdict(Counter)
    for split, examples in splits.items():
        for example in examples:
            images_of[example.patient][split] += 1
    check.shared_patients = {patient: dict(found) for patient, found in images_of.items() if len(found) > 1}
    _look_at_images(check, splits, workers)
    _look_at_patients(check, splits)
    _put_into_words(check, collection.advice)
    return check


def _look_at_images(check: DataCheck, splits: dict[str, list[Example]], workers: int | None) -> None:
    """Decode each file once: fill in what is missing, unreadable, of unusual size, or there more than once."""
    uses: dict[Path, set[tuple[str, int]]] = defaultdict(set)  # path -> (split, label)
    for split, examples in splits.items():
        for example in examples:
            uses[example.path].add((split, example.label))
    found = {path: os.path.isfile(path) for path in uses}  # noqa: PTH113 (a name too long for a file is none)
    check.missing = [str(path) for path, is_file in found.items() if not is_file]
    there = [path for path, is_file in found.items() if is_file]

    same: dict[bytes, list[Path]] = defaultdict(list)
    sizes = []
    for image in track(decode_files(there, _LOOK_SIZE, workers), len(there), "Checking images"):
        if isinstance(image, UnreadableFile):
            check.unreadable[str(image.path)] = image.reason
            continue
        size = (image.width, image.height)
        sizes.append(size)
        if min(size) < SHORTEST_SIDE or max(size) > WIDEST_RATIO * min(size):
            check.unusual_sizes[str(image.path)] = size
        if is_two_valued(image):
            check.two_valued.append(str(image.path))
        same[hashlib.sha256(repr(size).encode() + image.pixels.tobytes()).digest()].append(image.path)

    for paths in same.values():
        names = [str(path) for path in paths]
        used = set().union(*(uses[path] for path in paths))
        if len({split for split, _ in used}) > 1:
            check.shared_images.append(names)
        if len({label for _, label in used}) > 1:
            check.conflicting_labels.append(names)
        if len(names) > 1 and len(used) == 1:
            check.duplicates.append(names)
    if sizes:
        sizes.sort(key=lambda size: size[0] * size[1])
        check.sizes = {"smallest": sizes[0], "median": sizes[len(sizes) // 2], "largest": sizes[-1]}


def _look_at_patients(check: DataCheck, splits: dict[str, list[Example]]) -> None:
    """Whose age and which view is known: find children and lateral films."""
    missing = set(check.missing)
    for example in {example.path: example for examples in splits.values() for example in examples}.values():
        age, view = example.age, example.view
        if str(example.path) not in missing and (age is None or not view):
            header_age, header_view = age_and_view(example.path)
            age, view = header_age if age is None else age, view or header_view
        if age is not None and age < ADULT:
            check.children[str(example.path)] = age
        if is_lateral(view):
            check.laterals.append(str(example.path))


def _put_into_words(check: DataCheck, advice: str) -> None:
    """Put the findings into words, as problems or notes."""
    problems, notes = check.problems, check.notes
    for split, found in check.splits.items():
        for name, count in found.images.items():
            if count == 0:
                problems.append(f"{split}: no images of {name}")
        if found.repeated_lines:
            notes.append(
                f"{split}: {found.repeated_lines:,} lines name an image that an earlier line names; "
                f"each line counts, as in the paper's Table 1"
            )
    if problems and advice:
        notes.append(advice)
    if "train" not in check.splits:
        notes.append("there is no training split")
    elif "validation" not in check.splits:
        for name, count in check.splits["train"].patients.items():
            if count == 1:
                problems.append(f"train: one patient with {name}; a validation split needs two or more")
    if "test" not in check.splits:
        notes.append("there is no test split")

    def say(where: list[str], found: Iterable[object], what: str) -> None:
        if count := len(list(found)):
            where.append(f"{count:,} {what}")

    say(problems, check.missing, "missing image(s); name their folder with --roots")
    say(problems, check.unreadable, "unreadable image(s); replace them, or train with --skip-unreadable")
    say(problems, check.shared_images, "image(s) in more than one split; remove them from training")
    in_two = "patient(s) in more than one split; `coronet train` leaves their training images out, do so elsewhere too"
    say(problems, check.shared_patients, in_two)
    say(problems, check.conflicting_labels, "image(s) with more than one label; keep the right one")
    say(problems, check.two_valued, "picture(s) of two values, as masks are; remove them")
    say(notes, check.laterals, "lateral film(s); the networks are made for frontal ones: leave them out")
    children = f"image(s) of children under {ADULT}; trained beside adults, a network may learn age for illness"
    say(notes, check.children, children)
    for reason, files in check.left_out.items():
        say(notes, files, f"left out: {reason}")
    say(notes, check.duplicates, "image(s) under several names in one split; keep one of each")
    say(notes, check.unusual_sizes, f"image(s) below {SHORTEST_SIDE} pixels or longer than {WIDEST_RATIO}:1")
